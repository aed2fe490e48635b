package dev.sfumato.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.io.WebClient;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The Hub's HTTP interface, for one repository. After an {@link IOException} another attempt may
 * succeed; after a {@link SfumatoException} it will not.
 */
final class HubServer {
  private static final int MOST_REDIRECTS = 10;
  private static final int MOST_PAGES = 1000;
  private static final long MOST_BYTES_OF_A_LIST = 64L << 20;
  private static final int PATIENCE_WITH_LISTS = 30; // times the patience with a silent server
  private static final int PATIENCE_WITH_FILES = 6;
  private static final int SLOWEST = 1; // byte in a millisecond
  private static final Set<Integer> PASSING = Set.of(408, 429, 500, 502, 503, 504);
  private static final String LINKED_ETAG = "X-Linked-Etag";
  private static final Pattern NEXT_PAGE = Pattern.compile("<([^>]+)>;\\s*rel=\"next\"");

  private final WebClient client;
  private final HubSettings settings;
  private final HubId id;
  private final Kind kind;

  HubServer(HubSettings settings, HubId id, Kind kind) {
    this.settings = settings;
    this.id = id;
    this.kind = kind;
    // If the client followed redirects, the token would go with them.
    client = new WebClient(settings.timeout(), HttpClient.Redirect.NEVER);
  }

  /**
   * A revision on the server.
   *
   * @param commit its present commit
   * @param files the names of all its files
   */
  record Revision(String commit, List<String> files) {}

  /**
   * A file of a commit.
   *
   * @param hash the hash of its content
   * @param size in bytes; -1 if the server does not tell
   */
  record RemoteFile(String name, String hash, long size) {}

  // ---- requests

  /** Asks for the revision of the id. */
  Revision revision() throws IOException {
    JsonNode answer = json(api("revision", id.revision()));
    String commit = answer.path("sha").asText();
    List<String> files = new ArrayList<>();
    answer.path("siblings").forEach(file -> files.add(file.path("rfilename").asText()));
    if (!FileNames.isInside(commit)) {
      throw new SfumatoException(
          settings.endpoint() + ": does not answer like a Hub: " + id + " has no commit");
    }
    return new Revision(commit, FileNames.requireInside(files, id));
  }

  /** Asks for all files of a commit with their hashes. */
  List<JsonNode> tree(String commit) throws IOException {
    List<JsonNode> files = new ArrayList<>();
    Optional<URI> page = Optional.of(URI.create(api("tree", commit) + "?recursive=True"));
    for (int pages = 0; page.isPresent(); pages++) {
      if (pages == MOST_PAGES) {
        throw new SfumatoException(id + ": its list of files has no end");
      }
      HttpResponse<InputStream> response = get(page.get(), 0, Optional.empty());
      for (JsonNode entry : read(response)) {
        if (entry.path("type").asText().equals("file")) {
          files.add(entry);
        }
      }
      page = nextPage(response);
    }
    FileNames.requireInside(files.stream().map(file -> file.path("path").asText()).toList(), id);
    return files;
  }

  /** Asks for the description of a file of a commit; empty if there is no such file. */
  Optional<RemoteFile> describe(String commit, String file) throws IOException {
    URI uri = resolve(commit, file);
    HttpResponse<InputStream> response = send("HEAD", uri, 0, true);
    response.body().close();
    if (response.statusCode() == 404) {
      return Optional.empty();
    }
    requireSuccess(response, Optional.of(file));
    HttpHeaders headers = response.headers();
    String hash =
        headers
            .firstValue(LINKED_ETAG)
            .or(() -> headers.firstValue("ETag"))
            .map(etag -> etag.replaceFirst("^W/", "").replace("\"", ""))
            .orElse("");
    if (!ContentHash.isOne(hash)) {
      throw new SfumatoException(
          id + ": " + file + ": refused: the server names no hash of it (ETag '" + hash + "')");
    }
    Optional<Long> size = number(headers, "X-Linked-Size");
    if (size.isEmpty() && !isRedirect(response)) {
      size = number(headers, "Content-Length");
    }
    return Optional.of(new RemoteFile(file, hash, size.orElse(-1L)));
  }

  /** Returns the number in a header, if it holds one. */
  private static Optional<Long> number(HttpHeaders headers, String name) {
    return headers
        .firstValue(name)
        .map(String::strip)
        .filter(value -> value.matches("\\d{1,18}"))
        .map(Long::valueOf);
  }

  /** Asks for the content of a file from the byte {@code from} on; the caller closes it. */
  HttpResponse<InputStream> content(String commit, String file, long from) throws IOException {
    return get(resolve(commit, file), from, Optional.of(file));
  }

  // ---- addresses

  private URI api(String what, String revision) {
    return URI.create(
        String.join(
            "/",
            settings.endpoint() + "/api",
            kind.plural(),
            id.repository(),
            what,
            encoded(revision)));
  }

  private URI resolve(String commit, String file) {
    String path =
        Stream.of(file.split("/")).map(HubServer::encoded).collect(Collectors.joining("/"));
    return URI.create(
        String.join(
            "/",
            settings.endpoint().toString(),
            kind.prefix() + id.repository(),
            "resolve",
            encoded(commit),
            path));
  }

  private static String encoded(String part) {
    return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static Optional<URI> nextPage(HttpResponse<?> response) {
    return response
        .headers()
        .firstValue("Link")
        .map(NEXT_PAGE::matcher)
        .filter(Matcher::find)
        .map(link -> response.uri().resolve(link.group(1)));
  }

  // ---- HTTP

  private JsonNode json(URI uri) throws IOException {
    return read(get(uri, 0, Optional.empty()));
  }

  private static JsonNode read(HttpResponse<InputStream> response) throws IOException {
    try (InputStream body = response.body()) {
      return JsonFile.MAPPER.readTree(body);
    } catch (JsonProcessingException e) {
      throw new IOException(response.uri() + ": does not send JSON, as a Hub does", e);
    }
  }

  private HttpResponse<InputStream> get(URI uri, long from, Optional<String> file)
      throws IOException {
    HttpResponse<InputStream> response = send("GET", uri, from, file.isPresent());
    try {
      requireSuccess(response, file);
      return response;
    } catch (IOException | RuntimeException e) {
      response.body().close();
      throw e;
    }
  }

  /** Follows redirects; a HEAD request only until a response names the hash. */
  private HttpResponse<InputStream> send(String method, URI uri, long from, boolean isFile)
      throws IOException {
    URI target = uri;
    try {
      for (int i = 0; i < MOST_REDIRECTS; i++) {
        HttpResponse<InputStream> response = exchange(request(method, target, from), isFile);
        boolean hashed =
            method.equals("HEAD") && response.headers().firstValue(LINKED_ETAG).isPresent();
        if (!isRedirect(response) || hashed) {
          return response;
        }
        response.body().close();
        target = target.resolve(response.headers().firstValue("Location").orElse(""));
      }
    } catch (IllegalArgumentException e) {
      throw new SfumatoException(uri + ": redirects, but not to an address: " + e.getMessage(), e);
    }
    throw new SfumatoException(uri + ": redirects without end");
  }

  private HttpRequest.Builder request(String method, URI uri, long from) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.noBody())
            .header("User-Agent", "sfumato");
    if (isTheHub(uri)) {
      settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    }
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-");
    }
    return request;
  }

  /** Sends a request. The time allowed for a file grows with the bytes that have arrived. */
  private HttpResponse<InputStream> exchange(HttpRequest.Builder request, boolean isFile)
      throws IOException {
    return isFile
        ? client.send(
            request,
            Long.MAX_VALUE,
            bytes ->
                settings.timeout().multipliedBy(PATIENCE_WITH_FILES).plusMillis(bytes / SLOWEST))
        : client.send(
            request,
            MOST_BYTES_OF_A_LIST,
            bytes -> settings.timeout().multipliedBy(PATIENCE_WITH_LISTS));
  }

  /** Returns true for the Hub's scheme, host and port, the only place where the token may go. */
  private boolean isTheHub(URI uri) {
    URI hub = settings.endpoint();
    return uri.getScheme().equalsIgnoreCase(hub.getScheme())
        && uri.getAuthority().equalsIgnoreCase(hub.getAuthority());
  }

  private static boolean isRedirect(HttpResponse<?> response) {
    return Set.of(301, 302, 303, 307, 308).contains(response.statusCode());
  }

  // ---- refusals

  private void requireSuccess(HttpResponse<?> response, Optional<String> file) throws IOException {
    int status = response.statusCode();
    if (status < 400) {
      return;
    }
    String refusal = "HTTP status " + status + " from " + response.uri().getAuthority();
    if (PASSING.contains(status)) {
      throw new Retries.Busy(refusal, retryAfter(response));
    }
    String what = id + file.map(name -> ": " + name).orElse("");
    String mirror =
        status == 404 || status == 401
            ? Mirrors.of(id.repository()).map(name -> ": " + name + " holds a copy").orElse("")
            : "";
    throw new SfumatoException(what + ": " + explained(response) + " (" + refusal + ")" + mirror);
  }

  private String explained(HttpResponse<?> response) {
    if (response.statusCode() == 407) {
      return "the proxy needs a user and password: http_proxy=http://user:password@host:port";
    }
    String code = response.headers().firstValue("X-Error-Code").orElse("");
    String page = settings.endpoint() + "/" + kind.prefix() + id.repository();
    if (code.equals("RevisionNotFound")) {
      return "the " + kind + " has no revision " + id.revision();
    }
    if (code.equals("GatedRepo") || response.statusCode() == 403) {
      return "access was not granted: ask for it at " + page + ", and set HF_TOKEN to your token";
    }
    if (response.statusCode() == 401) {
      return settings.token().isEmpty()
          ? "no such " + kind + ", or it is private: set HF_TOKEN to your token"
          : "no such " + kind + ", or the token of HF_TOKEN is wrong or may not read it";
    }
    return response.statusCode() == 404 ? "no such " + kind + " or revision" : "refused";
  }

  /** Returns the pause that the server asks for, in seconds or until a date. */
  private static Duration retryAfter(HttpResponse<?> response) {
    return number(response.headers(), "Retry-After")
        .map(Duration::ofSeconds)
        .or(() -> response.headers().firstValue("Retry-After").flatMap(HubServer::until))
        .orElse(Duration.ZERO);
  }

  private static Optional<Duration> until(String date) {
    try {
      Instant then = DateTimeFormatter.RFC_1123_DATE_TIME.parse(date.strip(), Instant::from);
      return Optional.of(Duration.between(Instant.now(), then));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }
}
