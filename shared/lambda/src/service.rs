//! A service as one value: what the platform, the shared queries, the template and the tests are
//! told of it.

use std::env;

use headwater::{Aggregate, Domain, Domains, Rule};

use crate::execute::execute;
use crate::problem::ProblemType;
use crate::{Call, Calls, Error, Function};

/// A service: its functions, and what they share.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{Domain, aggregate_fn, projection_fn};
/// use headwater_lambda::Service;
///
/// static SHOP: Domain =
///     Domain::new("shop", &[aggregate_fn::<Till>()], &[projection_fn::<TillRow>()]);
///
/// let service = Service::new(&SHOP, env!("CARGO_PKG_NAME"))
///     .aggregate::<Till>("/tills", |tills| {
///         tills.create::<OpenTill>("Open a till.").row::<TillRow>("A till.")
///     })
///     .execute();
/// let calls: Vec<_> = service.calls().map(|call| (call.method, call.path.as_str())).collect();
/// assert_eq!(
///     calls,
///     [("POST", "/shop/tills"), ("GET", "/shop/tills/{id}"), ("POST", "/shop/execute")]
/// );
/// assert_eq!(service.rules(), [&TILL_EXISTS]);
/// ```
pub struct Service {
    /// Its name, as `identity`: the second segment of its streams' names and the first of its
    /// paths. Logs, metrics and the roles of its functions carry it.
    pub name: &'static str,
    /// The package whose executable holds its functions: `env!("CARGO_PKG_NAME")`.
    pub package: &'static str,
    /// What it is about; `None` for what services share.
    pub domain: Option<&'static Domain>,
    /// Its functions, in the order of the template.
    pub functions: Vec<Function>,
    /// Problems that only its own calls have.
    pub problems: Vec<&'static ProblemType>,
}

impl Service {
    /// A service about a domain, without functions so far.
    pub fn new(domain: &'static Domain, package: &'static str) -> Self {
        Self { domain: Some(domain), ..Self::shared(domain.name, package) }
    }

    /// What services share: functions that are about no domain.
    pub fn shared(name: &'static str, package: &'static str) -> Self {
        Self { name, package, domain: None, functions: Vec::new(), problems: Vec::new() }
    }

    /// With these functions. Where the domain tells of persons, they have the keys of that.
    #[must_use]
    pub fn functions(mut self, functions: impl IntoIterator<Item = Function>) -> Self {
        let forgets = self.domain.is_some_and(Domain::forgets);
        let functions = functions.into_iter();
        self.functions.extend(functions.map(|f| if forgets { f.opens_personal() } else { f }));
        self
    }

    /// With the calls on the things of an aggregate, below a path as `/users`.
    ///
    /// # Panics
    /// If the service is about no domain, when its table is made.
    #[must_use]
    pub fn aggregate<A: Aggregate>(
        self,
        path: &str,
        calls: impl FnOnce(Calls<A>) -> Calls<A>,
    ) -> Self {
        let domain = self.domain.expect("an aggregate belongs to a service with a domain");
        self.functions(calls(Calls::below(domain, path)).into_functions())
    }

    /// With `POST /<service>/execute`, which carries out any of the commands so far by its name.
    #[must_use]
    pub fn execute(self) -> Self {
        let execute = execute(self.name, &self.functions);
        self.functions([execute])
    }

    /// With problems of its own.
    #[must_use]
    pub fn problems(self, problems: &[&'static ProblemType]) -> Self {
        Self { problems: problems.to_vec(), ..self }
    }

    /// The calls that its functions answer.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.functions.iter().filter_map(Function::call)
    }

    /// Every rule that can refuse one of its calls, each once.
    pub fn rules(&self) -> Vec<&'static Rule> {
        let mut rules: Vec<&'static Rule> = Vec::new();
        for rule in self.calls().flat_map(|call| &call.rules) {
            if !rules.iter().any(|known| known.name == rule.name) {
                rules.push(rule);
            }
        }
        rules
    }
}

/// The domains of these services.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{Domain, aggregate_fn};
/// use headwater_lambda::{Service, domains};
///
/// static SHOP: Domain = Domain::new("shop", &[aggregate_fn::<Till>()], &[]);
///
/// let domains = domains(&[Service::new(&SHOP, "shop")]);
/// assert!(domains.named("shop").is_some());
/// ```
pub fn domains(services: &[Service]) -> Domains {
    Domains::new(services.iter().filter_map(|service| service.domain))
}

/// Serves the function that the variable `_HANDLER` names, until the process ends. On AWS it is the
/// `main` of each service's executable.
///
/// ```no_run
/// use headwater::Domain;
/// use headwater_lambda::{Error, Service, serve};
///
/// static SHOP: Domain = Domain::new("shop", &[], &[]);
///
/// #[tokio::main]
/// async fn main() -> Result<(), Error> {
///     serve([Service::new(&SHOP, env!("CARGO_PKG_NAME"))]).await
/// }
/// ```
///
/// # Errors
/// If no function has that name, the environment lacks what the function needs, or the Runtime API
/// is gone.
pub async fn serve(services: impl IntoIterator<Item = Service>) -> Result<(), Error> {
    let name = env::var("_HANDLER").map_err(|_| "_HANDLER is not set: Lambda sets it")?;
    for service in services {
        let domain = service.name;
        if let Some(function) = service.functions.into_iter().find(|known| known.name == name) {
            return function.run(domain).await;
        }
    }
    Err(format!("the template names the function {name}, and this executable has none of it")
        .into())
}
