//! Quiet, and the end.

use std::sync::Arc;
use std::time::Duration;

use super::world::World;
use super::{Broken, Report};
use crate::oracle::What;

/// Within so many steps all must be over.
const PATIENCE: u64 = 50_000;

impl World {
    /// Lets everybody finish what he is at, over as much time as that takes, and checks that
    /// everybody was told of everything.
    pub(super) fn settle(&mut self) -> Result<(), Box<Broken>> {
        self.stage.state.lock().calm = true;
        let until = self.step + PATIENCE;
        loop {
            self.begin_step();
            if self.sim.scheduler().is_empty() {
                self.expire();
                // Graces may be endless, and hang on nobody any more.
                let soon = self.stage.now() + Duration::from_secs(1 << 20);
                match self.sim.wake() {
                    _ if !self.sim.scheduler().is_empty() => {}
                    Some(wake) if wake < soon => {
                        let wait = wake.saturating_duration_since(self.stage.now());
                        self.sim.clock().advance(wait);
                    }
                    _ => break,
                }
            } else {
                self.turn();
            }
            self.check()?;
            if self.step > until {
                self.stage.state.lock().oracle.broken(11, "does not come to rest");
            }
        }
        self.stage.state.lock().oracle.is_quiet();
        self.audit_levels();
        self.audit_quiet_room();
        self.check()?;
        self.stage.state.lock().calm = false;
        Ok(())
    }

    /// Ends everything with calls pending, in one of several ways, and checks what is left.
    pub(super) fn end(mut self) -> Result<Report, Box<Broken>> {
        match self.random.u8(..4) {
            0 => self.abort(),
            _ => self.shut_down()?,
        }
        self.check()?;
        self.audit_levels();
        self.audit_end();
        self.audit_counters();
        self.check()?;
        self.let_go()
    }

    fn shut_down(&mut self) -> Result<(), Box<Broken>> {
        let grace = match self.random.u8(..8) {
            0 => Duration::ZERO,
            1 => Duration::MAX,
            _ => Duration::from_millis(self.random.u64(..5_000)),
        };
        self.begin_step();
        {
            let oracle = &mut self.stage.state.lock().oracle;
            self.alive.iter().for_each(|(uid, _)| oracle.stops(*uid, What::ShutdownBegan));
        }
        self.shutting_down = true;
        self.stage.state.lock().shutting_down = true;
        let shutdown = self.sim.shutdown(grace);
        let until = self.step + PATIENCE;
        while !shutdown.is_done() {
            self.check()?;
            self.begin_step();
            match self.random.u8(..32) {
                0 => self.meddle(),
                1..3 => self.time_passes(),
                3..6 => self.expire(),
                _ if self.sim.scheduler().is_empty() => {
                    self.time_passes();
                    self.expire();
                }
                _ => self.turn(),
            }
            if self.step > until {
                self.stage.state.lock().oracle.broken(11, "the shutdown does not end");
            }
        }
        // A component that was given up has turns left.
        while !self.sim.scheduler().is_empty() {
            self.turn();
        }
        Ok(())
    }

    fn abort(&mut self) {
        self.begin_step();
        {
            let oracle = &mut self.stage.state.lock().oracle;
            self.alive.iter().for_each(|(uid, _)| oracle.stops(*uid, What::Kills));
        }
        self.stage.state.lock().shutting_down = true;
        self.sim.broker().abort();
    }

    /// Lets go of everything, and checks that it is gone.
    fn let_go(self) -> Result<Report, Box<Broken>> {
        let Self { sim, stage, step, natives, stops, .. } = self;
        let (seed, elapsed) = (sim.seed(), sim.elapsed());
        drop((natives, stops, sim));
        stage.handles.lock().clear();
        let state = stage.state.lock();
        let (tally, oracle) = (state.oracle.tally(), &state.oracle);
        let report = Report {
            calls: tally.calls,
            casts: tally.casts + tally.copies,
            callbacks: tally.callbacks,
            dead_letters: tally.dead_letters,
            redelivered: tally.redelivered,
            cut_off: tally.cut_off,
            steps: step,
            elapsed,
        };
        let what = if oracle.instances() > 0 {
            "an instance has outlived the broker"
        } else if stage.broker.upgrade().is_some() {
            "the broker has outlived its owners"
        } else if Arc::strong_count(&stage) > 1 {
            "a factory has outlived the broker"
        } else {
            return Ok(report);
        };
        let events = oracle.events();
        Err(Box::new(Broken { seed, step, promise: 11, what: what.into(), events }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlived(world: World) -> (u8, String) {
        let broken = world.let_go().unwrap_err();
        (broken.promise, broken.what.clone())
    }

    #[test]
    fn what_outlives_the_end_is_found() {
        assert!(World::new(1).let_go().is_ok());

        let world = World::new(1);
        world.stage.state.lock().oracle.made(0);
        assert_eq!(outlived(world), (11, "an instance has outlived the broker".to_owned()));

        let world = World::new(1);
        let _broker = world.sim.broker().clone();
        assert_eq!(outlived(world), (11, "the broker has outlived its owners".to_owned()));

        let world = World::new(1);
        let _stage = Arc::clone(&world.stage);
        assert_eq!(outlived(world), (11, "a factory has outlived the broker".to_owned()));
    }
}
