//! A single worker, and a task that loops for half a second without ever letting others run. How
//! long do the others wait?

use std::hint::spin_loop;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use castcall_runtime::{Pool, Runnable, Turn};

enum Task {
    /// Runs until then, whoever else may wait.
    Loop { until: Instant, done: mpsc::Sender<()> },
    /// Says how long it has waited for its turn.
    Ping { asked: Instant, answer: mpsc::Sender<Duration> },
}

impl Runnable for Task {
    fn run(self, _turn: &Turn<'_>) -> Option<Self> {
        match self {
            // A good citizen would ask `_turn.is_over()` now and then, and return itself.
            Self::Loop { until, done } => {
                while Instant::now() < until {
                    spin_loop();
                }
                let _ = done.send(());
            }
            Self::Ping { asked, answer } => {
                let _ = answer.send(asked.elapsed());
            }
        }
        None
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder().workers(1).build()?;
    let began = Instant::now();
    let ping = |when: &str| {
        let (answer, waited) = mpsc::channel();
        pool.schedule(Task::Ping { asked: Instant::now(), answer });
        let waited = waited.recv()?;
        println!("{:>10.1?}  {when}: had its turn after {waited:.1?}", began.elapsed());
        Ok::<_, mpsc::RecvError>(())
    };

    ping("nobody else is there")?;
    let (done, is_done) = mpsc::channel();
    pool.schedule(Task::Loop { until: Instant::now() + Duration::from_millis(500), done });
    ping("behind the loop, on the only worker")?;
    ping("after another worker took its place")?;
    println!("{:>10.1?}  {:?}", began.elapsed(), pool.stats());
    is_done.recv()?;
    println!("{:>10.1?}  the loop has ended", began.elapsed());
    ping("at the end")?;
    pool.shutdown();
    Ok(())
}
