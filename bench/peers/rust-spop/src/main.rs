//! A no-op agent on the codec of the crate `spop`: rust-spop HOST:PORT
//!
//! The crate's own example flushes every ACK. Here all ACKs of one read leave in one write, on one thread: the best
//! that we know to do with it.
use std::io::{Error, ErrorKind, Result};

use futures_util::{FutureExt, SinkExt, StreamExt};
use spop::actions::VarScope;
use spop::frame::{FramePayload, FrameType};
use spop::frames::{Ack, AgentDisconnect, AgentHello, FrameCapabilities, HaproxyHello};
use spop::{MAX_FRAME_SIZE_LIMIT, SpopCodec, SpopFrame, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).expect("usage: rust-spop HOST:PORT");
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: TcpStream) -> Result<()> {
    let mut socket = Framed::new(stream, SpopCodec::default());
    let Some(hello) = socket.next().await.transpose()? else { return Ok(()) };
    let (hello, check) = greet(&*hello)?;
    socket.codec_mut().set_max_frame_size(hello.max_frame_size);
    socket.send(Box::new(hello)).await?;
    if check {
        return Ok(());
    }

    while let Some(frame) = socket.next().await {
        let mut more = answer(frame?, &mut socket).await?;
        while more && let Some(Some(frame)) = socket.next().now_or_never() {
            more = answer(frame?, &mut socket).await?;
        }
        socket.flush().await?;
        if !more {
            break;
        }
    }
    Ok(())
}

/// The answer to HAPROXY-HELLO, and whether it was a health check.
fn greet(frame: &dyn SpopFrame) -> Result<(AgentHello, bool)> {
    let hello = HaproxyHello::try_from(frame.payload()).map_err(|_| refused("not a HELLO"))?;
    let version = hello.negotiate_version().ok_or_else(|| refused("version"))?;
    let max_frame_size = hello.negotiate_max_frame_size(MAX_FRAME_SIZE_LIMIT).map_err(|_| refused("frame size"))?;
    let capabilities = vec![FrameCapabilities::Pipelining];
    let check = hello.healthcheck.unwrap_or(false);
    Ok((AgentHello { version, max_frame_size, capabilities }, check))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

/// Queues the answer to a frame; false after HAPROXY-DISCONNECT.
async fn answer(frame: Box<dyn SpopFrame>, socket: &mut Framed<TcpStream, SpopCodec>) -> Result<bool> {
    match frame.frame_type() {
        FrameType::Notify => {
            let meta = frame.metadata();
            let mut ack = Ack::new(meta.stream_id, meta.frame_id);
            if let FramePayload::ListOfMessages(messages) = frame.payload()
                && messages.iter().any(|message| message.name == "check")
            {
                ack = ack.set_var(VarScope::Transaction, "decision", "allow");
            }
            socket.feed(Box::new(ack)).await?;
            Ok(true)
        }
        FrameType::HaproxyDisconnect => {
            let status = StatusCode::None;
            let message = status.message().to_string();
            socket.feed(Box::new(AgentDisconnect { status_code: status.to_u32(), message })).await?;
            Ok(false)
        }
        _ => Ok(true),
    }
}
