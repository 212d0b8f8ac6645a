//! The commands that clients send.

/// Calls a function with each command that is read from a body as it is, and has members.
#[macro_export]
macro_rules! for_each_command {
    ($call:ident($argument:expr)) => {
        $call::<identity::user::CreateUser>($argument);
        $call::<identity::user::PatchUser>($argument);
        $call::<identity::user::ReplaceUser>($argument);
        // Another system sends it.
        $call::<identity::ApplyExternalUser>($argument);
        $call::<identity::group::CreateGroup>($argument);
        $call::<identity::group::PatchGroup>($argument);
        $call::<invoicing::CreateInvoice>($argument);
        $call::<invoicing::AddLineItem>($argument);
        $call::<invoicing::ChangeLineItem>($argument);
        $call::<invoicing::RemoveLineItem>($argument);
        $call::<invoicing::SetInvoiceCustomer>($argument);
        $call::<invoicing::SetInvoiceCurrency>($argument);
        $call::<invoicing::IssueInvoice>($argument);
        $call::<invoicing::SendInvoiceToCustomer>($argument);
        $call::<invoicing::RecordPayment>($argument);
        $call::<invoicing::CreateCustomer>($argument);
        $call::<invoicing::PatchCustomer>($argument);
        $call::<licensing::SetPolicy>($argument);
    };
}
