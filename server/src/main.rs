//! `roundtrip`: flags -> config -> bind -> serve -> exit code.

use server::{AppState, Config, connection};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::default();
    let listener = tokio::net::TcpListener::bind(config.listen).await?;
    let state = AppState::new(config)?;
    connection::serve(listener, state, std::future::pending()).await?;
    Ok(())
}
