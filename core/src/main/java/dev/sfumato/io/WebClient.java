package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.function.LongFunction;

/**
 * The HTTP client of the whole library, with the environment's proxies and limited patience. A
 * server may be silent for some time, before and within an answer; then the connection ends with an
 * {@link IOException}.
 */
public final class WebClient {
  private final HttpClient client;
  private final Duration silence;

  /** The failure of a server that sends, but so slowly that waiting is useless. */
  public static final class TooSlow extends IOException {
    private static final long serialVersionUID = 1L;

    TooSlow(String message) {
      super(message);
    }
  }

  /** Makes a client for this process's environment. */
  public WebClient(Duration silence, HttpClient.Redirect redirects) {
    this(silence, redirects, WebProxies.of(System.getenv()));
  }

  /**
   * Makes a client.
   *
   * @param silence the longest silence of a server
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
   * @param most the largest size of an answer in bytes
   * @param patience the longest time in which a number of bytes may arrive, and the next of them
   * @return the answer, whose body the caller closes; reading it fails with an {@link IOException}
   *     that gives the reason if the server is silent, or the answer too large or too slow
   * @throws IOException naming the server, if it cannot be reached
   * @throws SfumatoException if the thread is interrupted, or a proxy's address is malformed
   */
  public HttpResponse<InputStream> send(
      HttpRequest.Builder request, long most, LongFunction<Duration> patience) throws IOException {
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
