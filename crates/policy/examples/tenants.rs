//! Two tenants on one host, what they may, and why; and one that is cut off.

use castcall_core::{ComponentId, TargetPattern};
use castcall_policy::{Action, Capabilities, Policy};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::new();
    for tenant in ["tenant-a", "tenant-b"] {
        let own: TargetPattern = format!("{tenant}/*").parse()?;
        let granted = Capabilities::none()
            .with_cast(own.clone())
            .with_call(own.clone())
            .with_call("shared/clock".parse()?)
            .with_subscribe(format!("{tenant}.*").parse()?);
        policy.grant(&own, &granted)?;
    }

    // Its manifest asks for less than is granted in one place, and for more in another.
    let web: ComponentId = "tenant-a/web".parse()?;
    let asked = Capabilities::none()
        .with_cast("*".parse()?)
        .with_call("shared/*".parse()?)
        .with_subscribe("tenant-a.orders.*".parse()?);
    let mut rights = policy.rights(&web, &asked);

    let (database, clock) = ("tenant-a/db".parse()?, "shared/clock".parse()?);
    let others = "tenant-b/db".parse()?;
    let (orders, everything) = ("tenant-a.orders.eu.*".parse()?, "*".parse()?);
    let actions = [
        Action::Cast(&database),
        Action::Call(&database),
        Action::Call(&clock),
        Action::Cast(&others),
        Action::Subscribe(&orders),
        Action::Subscribe(&everything),
    ];
    for action in actions {
        println!("{}", rights.explain(action));
    }

    println!("\nall that casts is taken from {web}");
    policy.revoke(&(&web).into(), &Capabilities::none().with_cast("*".parse()?))?;
    let void = policy.refresh(&mut rights);
    println!("what it remembered is void: {void}");
    println!("{}", rights.explain(Action::Cast(&database)));
    println!("{}", rights.explain(Action::Call(&clock)));
    Ok(())
}
