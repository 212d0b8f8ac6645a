//! Puts the parts together: data directory, template, emulators, front door, functions, gateway,
//! event sources.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::dev::{self, Dev};
use crate::door::Door;
use crate::emulators::{self, Emulators};
use crate::event_sources::{Endpoints, EventSources};
use crate::gateway::{self, Gateway};
use crate::host::{Deployment, Host, Launch};
use crate::jwt::{self, Tokens};
use crate::template::{Function, Template};

/// A running platform. [`Platform::shutdown`] ends it in good order; a killed one picks up where it
/// stopped, too.
pub struct Platform {
    /// Where the gateway listens: `http://127.0.0.1:<port>`.
    pub url: String,
    /// The folder that mails are put into; nothing if they are sent.
    pub outbox: Option<PathBuf>,
    host: Host,
    event_sources: Arc<EventSources>,
    _door: Arc<Door>,
    _emulators: Emulators,
    _data_dir: DataDir,
}

/// The executable whose processes run functions, and its arguments.
#[derive(Debug, Clone)]
pub struct Executable {
    /// The file.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Executable {
    /// The running executable itself: its `main` looks for `_HANDLER` first.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub fn this() -> Result<Self> {
        Ok(Self { path: std::env::current_exe()?, arguments: Vec::new() })
    }
}

impl Platform {
    /// Starts everything that the template names. When this returns, tables and streams exist and
    /// the gateway listens.
    ///
    /// # Errors
    /// When the template is not understood, the data directory is in use, or a port is taken.
    pub async fn start(config: &Config, executable: Executable) -> Result<Self> {
        let data_dir = open_data_dir(config)?;
        let template = load_template(config, &data_dir)?;
        let emulators = Emulators::start(&template, &emulator_options(config, &data_dir)).await?;
        let door = Arc::new(Door::start(&template, &emulators, config.chaos).await?);
        let host = start_host(&template, config, &data_dir, executable, &door).await?;
        let (clock, tokens) = (Clock::default(), load_tokens(&template, &data_dir)?);
        let endpoints = Endpoints {
            dynamodb: emulators.dynamodb.clone(),
            kinesis: emulators.kinesis.clone(),
            s3: emulators.s3.clone(),
        };
        let checkpoints = data_dir.path().join("checkpoints");
        if config.in_memory {
            // The streams that they speak of are gone.
            let _ = fs::remove_dir_all(&checkpoints);
        }
        let event_sources = Arc::new(EventSources::start(
            &template,
            &endpoints,
            door.writes(),
            &host,
            &clock,
            &checkpoints,
        )?);
        let gateway = Gateway::new(
            &template.functions,
            template.throttle,
            tokens.clone(),
            clock.clone(),
            host.clone(),
        );
        let (host_of_dev, sources_of_dev) = (host.clone(), event_sources.clone());
        let dev = Dev {
            tokens,
            clock,
            host: host_of_dev,
            event_sources: sources_of_dev,
            door: door.clone(),
            environment: template.stores(),
        };
        let app = dev::router(dev).fallback_service(gateway::router(gateway));
        let url = serve(config.port, app).await?;
        let outbox = config.smtp_url.is_none().then(|| outbox(&data_dir));
        Ok(Self {
            url,
            outbox,
            host,
            event_sources,
            _door: door,
            _emulators: emulators,
            _data_dir: data_dir,
        })
    }

    /// Kills the functions' processes and keeps the checkpoints.
    pub fn shutdown(self) {
        self.host.shutdown();
        self.event_sources.save();
    }
}

fn open_data_dir(config: &Config) -> Result<DataDir> {
    let default = PathBuf::from(".headwater");
    match (&config.data_dir, config.in_memory) {
        (None, true) => DataDir::open(None),
        (path, _) => DataDir::open(Some(path.as_ref().unwrap_or(&default))),
    }
}

fn load_template(config: &Config, data_dir: &DataDir) -> Result<Template> {
    let path = &config.template;
    let text = fs::read_to_string(path).with_context(|| {
        format!(
            "can't read {}: start in the folder of the project, or give --template",
            path.display()
        )
    })?;
    let mut secret = |parameter: &str| {
        data_dir.secret(&format!("parameter-{parameter}"), || {
            Ok(format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()))
        })
    };
    let given = config.parameter.iter().cloned().collect();
    Template::parse(&text, &given, &mut secret).with_context(|| path.display().to_string())
}

fn emulator_options(config: &Config, data_dir: &DataDir) -> emulators::Options {
    emulators::Options {
        data_dir: (!config.in_memory).then(|| data_dir.path().to_owned()),
        dynamodb_endpoint: config.dynamodb_endpoint.clone(),
        kinesis_endpoint: config.kinesis_endpoint.clone(),
    }
}

fn load_tokens(template: &Template, data_dir: &DataDir) -> Result<Option<Arc<Tokens>>> {
    let Some(authorizer) = &template.authorizer else { return Ok(None) };
    let key = data_dir.secret("jwt-key.pem", jwt::new_key)?;
    Ok(Some(Arc::new(Tokens::new(authorizer.clone(), &key)?)))
}

async fn start_host(
    template: &Template,
    config: &Config,
    data_dir: &DataDir,
    executable: Executable,
    door: &Door,
) -> Result<Host> {
    let launch = Launch {
        executable: executable.path,
        arguments: executable.arguments,
        logs: data_dir.path().join("logs"),
        verbose: config.verbose,
    };
    let mails = match &config.smtp_url {
        Some(url) => ("SMTP_URL".to_owned(), url.clone()),
        None => ("MAIL_OUTBOX".to_owned(), outbox(data_dir).display().to_string()),
    };
    let deployments = template.functions.iter().map(|function| {
        let environment = access(function, door).into_iter().chain([mails.clone()]);
        Deployment { function: function.clone(), environment: environment.collect() }
    });
    Host::start(launch, deployments.collect()).await
}

/// Where mails are put that are not sent.
fn outbox(data_dir: &DataDir) -> PathBuf {
    data_dir.path().join("outbox")
}

/// Credentials by which the door knows the function, and the door's address in place of AWS's.
fn access(function: &Function, door: &Door) -> Vec<(String, String)> {
    let (key, secret) = door.credentials_for(&function.name);
    let endpoint = door.endpoint().to_owned();
    [
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.clone()),
        ("AWS_ENDPOINT_URL_KINESIS", endpoint.clone()),
        ("AWS_ENDPOINT_URL_S3", endpoint),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

async fn serve(port: u16, app: Router) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("port {port} can't be had: give another --port, or 0 for any"))?;
    let url = format!("http://{}", listener.local_addr()?);
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(url)
}
