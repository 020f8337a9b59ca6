//! The same echo on tokio: a task for each connection, all of them on one thread.

use server::net::raise_descriptor_limit;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::floor::listen;
use crate::load::WELCOME;

/// Bytes read at once. In each task, so it is as small as the messages allow.
const READ: usize = 1 << 10;

/// Runs until it is killed.
pub(crate) fn run() -> anyhow::Result<()> {
    raise_descriptor_limit(0)?;
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve())
}

async fn serve() -> anyhow::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(echo(socket));
    }
}

/// Until the client is gone.
async fn echo(mut socket: TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    socket.write_all(&[WELCOME]).await?;
    let mut buffer = [0; READ];
    loop {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        socket.write_all(&buffer[..read]).await?;
    }
}
