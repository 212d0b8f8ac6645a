//! Every call by every role.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Target;

/// Each call is opened by the role that its description names, and by no other.
///
/// # Errors
/// If a call is not answered in time.
pub async fn roles(target: &mut Target) -> Result<()> {
    let routes = target.routes.clone();
    let all: BTreeSet<&str> = routes.iter().filter_map(|route| route.role.as_deref()).collect();
    for route in &routes {
        let Some(needed) = route.role.as_deref() else { continue };
        let others: Vec<&str> = all.iter().copied().filter(|role| *role != needed).collect();
        for roles in [&[][..], &others, &[needed]] {
            let client = target.platform.client_with(&target.tenant, "somebody", roles).await?;
            // Of the right role the call names nothing that there is, or brings nothing that could
            // be read.
            let (call, what) = (
                client.call(&route.method, &route.with("x")),
                format!("{} {} as {roles:?}", route.method, route.path),
            );
            match roles {
                [role] if *role == needed => {
                    let reply = target.answer(&what, call).await?;
                    if [401, 403].contains(&reply.status) {
                        target.fault(format!("{what}: {}", reply.status));
                    }
                }
                _ => target.refuse_with(403, "forbidden", &what, call).await?,
            }
        }
    }
    Ok(())
}
