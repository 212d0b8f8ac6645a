//! What each system finds in an account after some commands, one after the other.

use anyhow::Result;

use crate::account::Account;
use crate::systems::{Clients, Kind, System};

/// How many commands.
pub const COMMANDS: u64 = 100;

/// An account as a system finds it.
pub struct Found {
    /// The system.
    pub kind: Kind,
    /// What it should find.
    pub expected: Account,
    /// What it finds.
    pub found: Account,
}

/// Has each system carry out [`COMMANDS`] commands on a new account.
///
/// # Errors
/// If a command fails.
pub async fn measure(clients: &Clients) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let (system, account) = (System::open(kind, clients).await?, format!("{kind:?}-right"));
        for nth in 1..=COMMANDS {
            system.execute(&account, nth).await?;
        }
        if let Some(found) = system.state(&account).await? {
            all.push(Found { kind, expected: Account::after(COMMANDS), found });
        }
    }
    Ok(all)
}
