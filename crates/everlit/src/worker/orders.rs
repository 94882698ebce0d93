//! What the lead thread tells a worker, and what the worker tells it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::conn::{Conn, Stay};
use super::endpoint::Endpoint;
use super::leave::Stage;
use super::logs::Target;
use super::road::Road;
use super::serve::Fate;
use super::table::Key;
use super::upstream::Upstream;
use super::{Accepting, Worker, origin};
use crate::freeze::{Frozen, Parts, Thawed};
use crate::gateway::relay::Trouble;
use crate::http1::state::Future;
use crate::link::Listeners;
use crate::modules::auth::nonce::Nonces;
use crate::tls::context::Materials;
use crate::worker::bench::Mode;

/// From the lead thread.
#[derive(Debug)]
pub enum Order {
    /// These connections are yours: a predecessor's, or your own that a successor did not take.
    Adopt(Vec<Thawed>, Stay),
    /// Stop accepting, and freeze every connection as soon as it can be and the road has room.
    Leave(Arc<Road>),
    /// The road has room again.
    GoOn,
    /// Serve everybody, and accept: at the start, and again when the successor failed.
    Serve,
    /// No successor comes: end each connection with its present request. Before, if the listeners are to be closed, let
    /// those in for a second more who were on their way.
    Quit(Listeners),
    /// Close this endpoint's socket, after a last look at its queue.
    Retire(usize),
    /// With these nonces are made and told from now on.
    Nonces(Nonces),
    /// Logs were opened anew: write there, by [`crate::logline::LogId`].
    Logs(Vec<(usize, Target)>),
    /// Certificates are new, for handshakes from now on.
    Certificates(Materials),
    /// End now, whatever is left.
    End,
}

/// To the lead thread, or to whoever gives connections away for it.
#[derive(Debug)]
pub enum Report {
    /// A connection, ready to travel.
    Frozen(Box<Frozen>),
    /// This worker has looked at all its connections once.
    Swept,
    /// This worker has no connection left at the moment.
    Empty,
}

impl Worker {
    /// Does everything the lead thread has asked for.
    pub(super) fn take_orders(&mut self) {
        self.orders.hush();
        while let Some(order) = self.orders.next() {
            match order {
                Order::Adopt(thawed, stay) => {
                    let count = thawed.len() as u64;
                    for thawed in thawed {
                        self.adopt(thawed, stay);
                    }
                    let arriving = &self.bench.counters.arriving;
                    arriving.fetch_sub(count, Ordering::Release);
                    // Whoever looked before that may have missed the last one's departure.
                    self.tell_if_empty();
                }
                Order::Leave(road) => self.begin_leaving(road),
                // That we are awake is enough.
                Order::GoOn => {}
                Order::Serve => self.serve_everybody(),
                Order::Quit(listeners) => self.begin_quitting(listeners),
                Order::Retire(index) => self.retire(index),
                Order::Nonces(nonces) => self.use_nonces(nonces),
                Order::Logs(targets) => {
                    for (index, target) in targets {
                        self.bench.logs.replace(index, target);
                    }
                }
                Order::Certificates(materials) => self.bench.tls.contexts.renew(materials),
                Order::End => self.stage = Stage::Over,
            }
        }
    }

    /// Takes over a connection that was frozen, here or elsewhere.
    fn adopt(&mut self, thawed: Thawed, stay: Stay) {
        let endpoint = self.endpoint_named(&thawed.listener, thawed.local_port);
        let patience = thawed.patience;
        let who = thawed.who();
        let origin = origin(&who, &self.endpoints[usize::from(endpoint)]);
        let Parts {
            socket,
            http,
            channel,
            introduction,
            input,
            link,
        } = thawed.into_parts(origin, &mut self.bench);
        let mut conn = Conn::new(socket, who.peer, endpoint);
        conn.introduction = introduction;
        conn.channel = channel;
        conn.http = http;
        self.mark(&mut conn, stay);
        conn.input = input;
        let deadline = self.second().saturating_add(patience) + 1;
        let key = self.admit(conn, Fate::Keep, deadline);
        self.rejoin(key, link.map(|link| link.owned_by(key)));
        self.relay(key);
        self.resume_adopted(key, deadline);
        self.leave_too(key);
    }

    /// Gives an exchange its connection with a backend back.
    pub(super) fn rejoin(&mut self, key: Key, upstream: Option<Upstream>) {
        let Some(mut upstream) = upstream else {
            return;
        };
        upstream.owner = Some(key);
        match self.upstreams.insert(upstream, &self.epoll) {
            Ok(id) => {
                if let Some(conn) = self.table.get_mut(key) {
                    conn.link = Some(id);
                }
            }
            Err(errno) => self.lost(key, Trouble::Broke(errno)),
        }
    }

    /// Notes whether a connection may change process; one that may not ends with its present request, or the next one.
    pub(super) fn mark(&mut self, conn: &mut Conn, stay: Stay) {
        let refused = &self.bench.counters.refused;
        match (conn.stay, stay) {
            (Stay::Movable, Stay::Refused) => refused.fetch_add(1, Ordering::Relaxed),
            (Stay::Refused, Stay::Movable) => refused.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
        conn.stay = stay;
        conn.http.set_future(match stay {
            Stay::Movable => Future::Open,
            Stay::Refused => Future::Ending,
        });
    }

    fn serve_everybody(&mut self) {
        self.stage = Stage::Serving;
        self.bench.mode = Mode::Serving;
        // The next successor may take what this one did not.
        for key in self.table.keys() {
            if let Some(conn) = self.table.get_mut(key) {
                conn.stay = Stay::Movable;
                conn.http.set_future(Future::Open);
            }
        }
        self.bench.counters.refused.store(0, Ordering::Relaxed);
        self.resume_accepting();
    }

    /// The endpoint of this name; made up if nobody listens there any more.
    fn endpoint_named(&mut self, name: &str, port: u16) -> u16 {
        let known = self
            .endpoints
            .iter()
            .position(|endpoint| endpoint.name == name);
        known.unwrap_or_else(|| {
            self.endpoints.push(Arc::new(Endpoint {
                name: name.to_owned(),
                port,
                socket: None,
            }));
            self.endpoints.len() - 1
        }) as u16
    }

    /// Serves what waits at an endpoint, then closes it.
    fn retire(&mut self, index: usize) {
        while self.take_clients(index) > 0 {}
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if let Some(socket) = &endpoint.socket {
            // Not watched while full: all the same.
            let _ = rustix::event::epoll::delete(&self.epoll, socket);
        }
        *endpoint = Arc::new(Endpoint {
            name: endpoint.name.clone(),
            port: endpoint.port,
            socket: None,
        });
    }

    fn begin_quitting(&mut self, listeners: Listeners) {
        self.bench.mode = Mode::Quitting;
        if matches!(self.stage, Stage::Emptying) {
            // Nobody is on the way in.
            self.end_idle();
            return;
        }
        if listeners == Listeners::Leave {
            self.stop_accepting(Accepting::Off);
        }
        self.stage = Stage::Quitting {
            until: self.bench.now.monotonic.as_secs() + 2,
        };
    }

    /// The second of grace is over: nobody else is let in, and idle connections end.
    pub(super) fn end_grace(&mut self) {
        for index in 0..self.endpoints.len() {
            self.retire(index);
        }
        self.accepting = Accepting::Off;
        self.stage = Stage::Emptying;
        self.end_idle();
    }
}
