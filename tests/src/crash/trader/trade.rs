//! A trade between two traders, both led by one thread, so that neither waits for one who does something else.

use protocol::v1::server_packet::Body;
use protocol::v1::{
    AcceptTrade, AnswerTrade, AskTrade, CancelTrade, OfferTrade, ServerPacket, TradeOutcome,
};
use rand::RngExt as _;
use rand_pcg::Pcg32;

use super::{Settled, Trader};
use crate::crash::deed::Deed;

/// Items on one side, at most.
const OFFERED: usize = 3;
/// Gold on one side, at most.
const OFFERED_GOLD: u64 = 20;

/// What the server says to a request about a trade.
enum Said {
    /// The trade stands like this.
    Revision(u32),
    /// It is over.
    Ended(TradeOutcome),
    Refused,
}

/// Both offer something and agree to it. `None` when a connection is over.
pub(in crate::crash) fn trade(
    one: &mut Trader<'_>,
    other: &mut Trader<'_>,
    rng: &mut Pcg32,
) -> Option<()> {
    if one.chest.len() == 0 || !begin(one, other)? {
        return Some(());
    }
    one.offer(rng)?;
    let Said::Revision(revision) = other.offer(rng)? else {
        return abandon(one, other);
    };
    let accept = AcceptTrade { revision };
    if !matches!(one.negotiate(&accept)?, Said::Revision(_)) {
        return abandon(one, other);
    }
    match other.negotiate(&accept)? {
        Said::Ended(TradeOutcome::Done) => other.done(Deed::Trade, Settled::Done),
        Said::Ended(_) => {}
        Said::Revision(_) | Said::Refused => return abandon(one, other),
    }
    one.wait(|packet| ended(packet).map(drop))
}

/// One asks and the other says yes. False if they can't trade now.
fn begin(one: &mut Trader<'_>, other: &mut Trader<'_>) -> Option<bool> {
    let question = one.send(&AskTrade { entity: other.entity });
    // There is no trade yet. This is refused after the question has been answered or passed on.
    let mark = one.send(&CancelTrade {});
    let refused = one.wait(|packet| {
        let refused = matches!(packet.body, Some(Body::Refused(_)));
        (refused && [question, mark].contains(&packet.request)).then_some(packet.request)
    })?;
    if refused == question {
        return Some(false);
    }
    other.wait(|packet| matches!(packet.body, Some(Body::TradeAsked(_))).then_some(()))?;
    let answer = AnswerTrade { entity: one.entity, accept: true };
    Some(matches!(other.negotiate(&answer)?, Said::Revision(_)))
}

/// Ends a trade that doesn't come off.
fn abandon(one: &mut Trader<'_>, other: &mut Trader<'_>) -> Option<()> {
    match one.negotiate(&CancelTrade {})? {
        Said::Ended(_) => other.wait(|packet| ended(packet).map(drop)),
        Said::Revision(_) | Said::Refused => Some(()),
    }
}

impl Trader<'_> {
    fn offer(&mut self, rng: &mut Pcg32) -> Option<Said> {
        let count = rng.random_range(1..=OFFERED);
        let gold = rng.random_range(0..=self.chest.gold().min(OFFERED_GOLD));
        let items = self.chest.some(rng, count);
        self.negotiate(&OfferTrade { items, gold })
    }

    /// Says something about the trade, and waits for what comes of it.
    fn negotiate<M: protocol::ClientMessage>(&mut self, message: &M) -> Option<Said> {
        let request = self.send(message);
        self.wait(|packet| match &packet.body {
            Some(Body::TradeEnded(ended)) => Some(Said::Ended(ended.outcome())),
            Some(Body::TradeState(state)) => {
                (packet.request == request).then_some(Said::Revision(state.revision))
            }
            Some(Body::Refused(_)) => (packet.request == request).then_some(Said::Refused),
            _ => None,
        })
    }
}

fn ended(packet: &ServerPacket) -> Option<TradeOutcome> {
    match &packet.body {
        Some(Body::TradeEnded(ended)) => Some(ended.outcome()),
        _ => None,
    }
}
