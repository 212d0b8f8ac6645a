use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;

/// An HTTP client of one tenant's user.
///
/// ```no_run
/// use headwater_testing::Client;
///
/// # async fn test(token: String) -> anyhow::Result<()> {
/// let client = Client::new("http://127.0.0.1:3000", Some(token));
/// let tills = client.all("/shop/tills").await?;
/// assert_eq!(tills.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// A call that is being put together.
///
/// ```no_run
/// # async fn test(client: headwater_testing::Client) -> anyhow::Result<()> {
/// let till = client.get("/shop/tills/front").await?;
/// let closed = client.call("POST", "/shop/tills/front/close").header("if-match", till.etag());
/// closed.send().await?.expect(200)?;
/// # Ok(())
/// # }
/// ```
pub struct RequestBuilder {
    request: reqwest::RequestBuilder,
    what: String,
}

/// What came back.
///
/// ```no_run
/// # async fn test(client: headwater_testing::Client) -> anyhow::Result<()> {
/// let till = serde_json::json!({ "id": "front" });
/// let opened = client.post("/shop/tills", &till).await?.expect(201)?;
/// assert_eq!((opened.id(), opened.version()), ("front", 1));
/// client.post("/shop/tills", &till).await?.problem(409, "till-exists")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body, as JSON if it is JSON, else as a string.
    pub body: Value,
    what: String,
}

impl Client {
    /// A client of the platform at `url`.
    pub fn new(url: &str, token: Option<String>) -> Self {
        Self { http: reqwest::Client::new(), url: url.to_owned(), token }
    }

    /// The same user's client of a platform that is somewhere else now.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// Begins a call. An absolute path, query included.
    pub fn call(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        let what = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        RequestBuilder { request, what }
    }

    /// `GET path`, which must answer 200.
    ///
    /// # Errors
    /// If it does not.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.call("GET", path).send().await?.expect(200)
    }

    /// `POST path` of a JSON body, whatever it answers.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call("POST", path).json(body).send().await
    }

    /// `PATCH path` of a JSON body, whatever it answers.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call("PATCH", path).json(body).send().await
    }

    /// All items of a list, page by page.
    ///
    /// # Errors
    /// If a page does not answer 200.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = match &cursor {
                Some(cursor) => self.get(&format!("{path}{separator}cursor={cursor}")).await?,
                None => self.get(path).await?,
            };
            items.extend(page.body["items"].as_array().context("no items")?.iter().cloned());
            match page.body["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }
}

impl RequestBuilder {
    /// With a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// With a body as it is.
    #[must_use]
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self { request: self.request.body(body), ..self }
    }

    /// Sends it.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send(self) -> Result<Reply> {
        let response = self.request.send().await.with_context(|| self.what.clone())?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, headers, body, what: self.what })
    }
}

impl Reply {
    /// The reply, if it has this status.
    ///
    /// # Errors
    /// If it has another, with the whole body.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(
            self.status == status,
            "{}: expected {status}, got {} {}",
            self.what,
            self.status,
            self.body
        );
        Ok(self)
    }

    /// The reply, if it is a problem of this status and type.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn problem(self, status: u16, name: &str) -> Result<Self> {
        let reply = self.expect(status)?;
        ensure!(
            reply.body["type"] == format!("/problems/{name}"),
            "{}: expected {name}, got {}",
            reply.what,
            reply.body
        );
        ensure!(
            reply.header("content-type") == "application/problem+json",
            "{}: a problem as {}",
            reply.what,
            reply.header("content-type")
        );
        ensure!(reply.body["status"] == status, "{}: {}", reply.what, reply.body);
        Ok(reply)
    }

    /// A header; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `ETag`.
    pub fn etag(&self) -> &str {
        self.header("etag")
    }

    /// The `Consistency-Token`.
    pub fn token(&self) -> &str {
        self.header("consistency-token")
    }

    /// The `id` in the body.
    pub fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_default()
    }

    /// The `version` in the body.
    pub fn version(&self) -> u64 {
        self.body["version"].as_u64().unwrap_or_default()
    }
}
