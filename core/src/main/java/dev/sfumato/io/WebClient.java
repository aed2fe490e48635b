package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/**
 * HTTP as the whole library speaks it: through the proxies that the environment names, and with
 * patience that ends. A server may be silent for some time, before it answers and within an answer;
 * then the connection is given up with an {@link IOException}.
 */
public final class WebClient {
  private final HttpClient client;
  private final Duration silence;

  /** A client of this process's environment. */
  public WebClient(Duration silence, HttpClient.Redirect redirects) {
    this(silence, redirects, WebProxies.of(System.getenv()));
  }

  /**
   * A client.
   *
   * @param silence how long a server may be silent
   * @param redirects whether redirects are followed
   */
  public WebClient(Duration silence, HttpClient.Redirect redirects, WebProxies proxies) {
    this.silence = silence;
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(silence)
            .followRedirects(redirects)
            .proxy(proxies);
    proxies.authenticator().ifPresent(builder::authenticator);
    client = builder.build();
  }

  /**
   * Sends a request.
   *
   * @param most bytes that an answer may have
   * @param patience how long all of the answer may take
   * @return the answer, whose body the caller closes; reading it fails with an {@link IOException}
   *     that says why where it is silent, larger or slower than it may be
   * @throws IOException naming the server, if it cannot be reached
   * @throws SfumatoException if the thread is interrupted, or a proxy's address is malformed
   */
  public HttpResponse<InputStream> send(HttpRequest.Builder request, long most, Duration patience)
      throws IOException {
    HttpRequest built = request.timeout(silence).build();
    try {
      return client.send(
          built,
          head ->
              HttpResponse.BodySubscribers.mapping(
                  HttpResponse.BodySubscribers.ofInputStream(),
                  body -> new WatchedBody(body, silence, most, patience)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SfumatoException("interrupted", e);
    } catch (IOException e) {
      if (e.getCause() instanceof SfumatoException malformed) {
        throw malformed;
      }
      String reason = e.getMessage() == null ? "no connection" : e.getMessage();
      throw new IOException(built.uri().getAuthority() + ": " + reason, e);
    }
  }
}
