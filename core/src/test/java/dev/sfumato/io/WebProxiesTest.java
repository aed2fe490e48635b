package dev.sfumato.io;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.sun.net.httpserver.HttpServer;
import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WebProxiesTest {
  private static String way(Map<String, String> environment, String target) {
    List<Proxy> ways = WebProxies.of(environment).select(URI.create(target));
    assertThat(ways).hasSize(1);
    return ways.get(0).type() == Proxy.Type.DIRECT
        ? "direct"
        : ((InetSocketAddress) ways.get(0).address()).getHostString()
            + ":"
            + ((InetSocketAddress) ways.get(0).address()).getPort();
  }

  @ParameterizedTest
  @CsvSource({
    "HTTP_PROXY, http://p.invalid:3128, http://hub.invalid/x, p.invalid:3128",
    "http_proxy, http://p.invalid:3128/, http://hub.invalid/x, p.invalid:3128",
    "http_proxy, p.invalid:3128, http://hub.invalid/x, p.invalid:3128",
    "http_proxy, http://p.invalid, http://hub.invalid/x, p.invalid:80",
    "http_proxy, http://user:pass%40word@p.invalid:8080, http://hub.invalid/x, p.invalid:8080",
    "http_proxy, http://p.invalid:3128, https://hub.invalid/x, direct",
    "HTTPS_PROXY, http://p.invalid:3128, https://hub.invalid/x, p.invalid:3128",
    "https_proxy, http://p.invalid:3128, https://hub.invalid/x, p.invalid:3128",
    "https_proxy, http://p.invalid:3128, http://hub.invalid/x, direct",
    "ALL_PROXY, http://p.invalid:3128, https://hub.invalid/x, p.invalid:3128",
    "all_proxy, http://[::1]:3128, http://hub.invalid/x, 0:0:0:0:0:0:0:1:3128",
    "HTTP_PROXY, ' ', http://hub.invalid/x, direct",
  })
  void theEnvironmentNamesTheProxy(String name, String value, String target, String way) {
    assertThat(way(Map.of(name, value), target)).isEqualTo(way);
  }

  @ParameterizedTest
  @CsvSource({
    "'*', direct",
    "'a.org, *', direct",
    "hub.invalid, direct",
    "HUB.invalid, direct",
    "invalid, direct",
    ".invalid, direct",
    "*.invalid, direct",
    "hub.invalid:80, direct",
    ".invalid:80, direct",
    "hub.invalid:443, p.invalid:1",
    "ub.invalid, p.invalid:1",
    "b.invalid, p.invalid:1",
    "'a.org,b.org', p.invalid:1",
    "'a.org hub.invalid', direct",
    "',', p.invalid:1",
  })
  void someHostsNeedNone(String excluded, String way) {
    for (String name : List.of("no_proxy", "NO_PROXY")) {
      assertThat(
              way(Map.of("http_proxy", "http://p.invalid:1", name, excluded), "http://hub.invalid"))
          .isEqualTo(way);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1, http://127.0.0.1:9/x",
    "::1, http://[::1]:9/x",
    "[::1]:9, http://[::1]:9/x"
  })
  void addressesAreHosts(String excluded, String target) {
    assertThat(way(Map.of("http_proxy", "http://p.invalid:1", "no_proxy", excluded), target))
        .isEqualTo("direct");
  }

  @Test
  void smallLettersAndTheSchemeComeFirst() {
    Map<String, String> environment =
        Map.of("http_proxy", "a.b:1", "HTTP_PROXY", "c.d:2", "all_proxy", "e.f:3");
    assertThat(way(environment, "http://hub.invalid")).isEqualTo("a.b:1");
    assertThat(way(environment, "https://hub.invalid")).isEqualTo("e.f:3");
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://", "socks5://h:1", "http://us er:secret@h:1", "http://:1", "://"})
  void aMalformedAddressIsNamedWithoutItsPassword(String value) {
    SfumatoException e =
        assertThrows(
            SfumatoException.class, () -> way(Map.of("HTTP_PROXY", value), "http://hub.invalid"));
    assertThat(e).hasMessageThat().startsWith("HTTP_PROXY: is not the address of an HTTP proxy");
    assertThat(e).hasMessageThat().doesNotContain("secret");
  }

  /** A proxy that wants a password, for an address that only it knows. */
  @Test
  void userAndPasswordAreTold() throws IOException {
    List<String> requests = new CopyOnWriteArrayList<>();
    HttpServer proxy =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    proxy.createContext(
        "/",
        exchange -> {
          String who = exchange.getRequestHeaders().getFirst("Proxy-Authorization");
          requests.add(exchange.getRequestURI() + " " + who);
          if (who == null) {
            exchange.getResponseHeaders().set("Proxy-Authenticate", "Basic realm=\"p\"");
            exchange.sendResponseHeaders(407, -1);
          } else {
            exchange.sendResponseHeaders(200, 2);
            exchange.getResponseBody().write("ok".getBytes(StandardCharsets.UTF_8));
          }
          exchange.close();
        });
    proxy.start();
    try {
      String place = "127.0.0.1:" + proxy.getAddress().getPort();
      assertThat(get("http://us%20er:p%3Aw@" + place)).isEqualTo("ok");
      String who = Base64.getEncoder().encodeToString("us er:p:w".getBytes(StandardCharsets.UTF_8));
      assertThat(requests)
          .containsExactly("http://hub.invalid/x null", "http://hub.invalid/x Basic " + who)
          .inOrder();
    } finally {
      proxy.stop(0);
    }
  }

  private static String get(String proxy) throws IOException {
    WebClient client =
        new WebClient(
            Duration.ofSeconds(10),
            HttpClient.Redirect.NEVER,
            WebProxies.of(Map.of("http_proxy", proxy)));
    HttpResponse<InputStream> answer =
        client.send(
            HttpRequest.newBuilder(URI.create("http://hub.invalid/x")),
            1000,
            bytes -> Duration.ofSeconds(10));
    try (InputStream body = answer.body()) {
      return new String(body.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
