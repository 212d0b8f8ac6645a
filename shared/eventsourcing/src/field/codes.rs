//! Codes of countries and currencies.

use std::ops::RangeInclusive;

use super::Limits;

/// A currency of ISO 4217 that has a minor unit, in capitals: `EUR`. Gold and other codes without
/// a minor unit are refused; superseded currencies are not, since old documents are in them.
///
/// ```
/// use headwater_core::field::{CurrencyCode, Text};
///
/// let code = Text::<CurrencyCode>::from;
/// assert!(code("EUR").check().is_ok());
/// assert!(["eur", "XAU", "XXX", ""].iter().all(|other| code(other).check().is_err()));
/// ```
pub enum CurrencyCode {}

impl Limits for CurrencyCode {
    const LENGTH: RangeInclusive<usize> = 3..=3;
    const PATTERN: Option<&'static str> = Some("^[A-Z]{3}$");

    fn in_words() -> String {
        "A code of ISO 4217.".to_owned()
    }

    fn check(text: &str) -> Result<(), String> {
        let currency = iso_currency::Currency::from_code(text);
        if currency.is_some_and(|currency| currency.exponent().is_some()) {
            Ok(())
        } else {
            Err("must be the ISO 4217 code of a currency with a minor unit, as \"EUR\"".to_owned())
        }
    }
}

/// A country's code of two capitals in ISO 3166-1: `DE`.
///
/// ```
/// use headwater_core::field::{CountryCode, Text};
///
/// let code = Text::<CountryCode>::from;
/// assert!(code("DE").check().is_ok());
/// assert!(["de", "DEU", "XX", "E ", ""].iter().all(|other| code(other).check().is_err()));
/// ```
pub enum CountryCode {}

impl Limits for CountryCode {
    const LENGTH: RangeInclusive<usize> = 2..=2;
    const PATTERN: Option<&'static str> = Some("^[A-Z]{2}$");

    fn in_words() -> String {
        "A code of two letters of ISO 3166-1.".to_owned()
    }

    fn check(text: &str) -> Result<(), String> {
        if COUNTRIES.split_ascii_whitespace().any(|code| code == text) {
            Ok(())
        } else {
            Err("must be the ISO 3166-1 code of a country, as \"DE\"".to_owned())
        }
    }
}

/// The 249 codes that are assigned.
const COUNTRIES: &str = "
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ
    BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ
    DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY
    HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY
    MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ
    NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA
    RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ
    TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ
    VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_countries_are_there_once() {
        let codes: Vec<&str> = COUNTRIES.split_ascii_whitespace().collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted_by(|a, b| a < b), "each once, in order");
    }
}
