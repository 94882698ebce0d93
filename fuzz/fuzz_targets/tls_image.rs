//! Frozen sessions and ticket keys: any bytes are read or refused, what was read is written as it was, and what was accepted
//! can seal, open and move.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use portable_tls::{Arrived, ClientKey, Tickets, Whole};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tickets) = Tickets::import(bytes) {
        let written = tickets.export();
        let again = Tickets::import(&written).expect("what was written is read");
        assert_eq!(again.export(), written);
        let ticketer = Arc::new(tickets).ticketer(b"");
        if let Some(ticket) = ticketer.encrypt(b"state") {
            assert_eq!(ticketer.decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        }
    }
    let Ok(arrived) = Arrived::decode(bytes) else {
        return;
    };
    let frozen = arrived.begin();
    let frozen = frozen.session.freeze(frozen.unsent, frozen.facts);
    let written = frozen.image();
    let again = Arrived::decode(&written)
        .expect("what was written is read")
        .begin();
    let image = again.session.freeze(again.unsent, again.facts).image();
    assert_eq!(image, written);
    let Whole {
        mut session,
        mut unsent,
        ..
    } = frozen.thaw();
    let _ = session.seal(&[b"answer"], &mut unsent);
    let _ = session.update_key(ClientKey::Update, &mut unsent);
    let mut input = *b"\x17\x03\x03\x00\x11-----------------";
    let _ = session.open(&mut input).next(&mut unsent);
    let _ = session.seal(&[&[1; 40_000]], &mut unsent);
    session.close(&mut unsent);
});
