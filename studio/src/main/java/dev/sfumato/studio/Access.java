package dev.sfumato.studio;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Decides which requests are answered.
 *
 * <p>Another page in the same browser can send requests to this machine. Its own name resolved to
 * 127.0.0.1 is caught by the {@code Host} header; its forms and scripts by {@code Origin}; its
 * pictures and links by {@code Sec-Fetch-Site}. Requests from other machines need the token.
 */
final class Access {
  private static final String COOKIE = "sfumato";

  private final Set<String> hosts; // in lower case, with the port
  private final Optional<String> token;

  private Access(Set<String> hosts, Optional<String> token) {
    this.hosts = hosts;
    this.token = token;
  }

  /** Makes the rules for a server at an address, with a fresh token unless it is a loopback one. */
  static Access of(InetAddress address, int port) {
    boolean here = address.isLoopbackAddress();
    Set<String> names = new HashSet<>(List.of("localhost", "127.0.0.1", "[::1]"));
    names.add(name(address));
    if (!here) {
      names.addAll(namesOfThisMachine());
    }
    Set<String> hosts =
        names.stream()
            .map(name -> name.toLowerCase(Locale.ROOT) + ":" + port)
            .collect(Collectors.toSet());
    return new Access(hosts, here ? Optional.empty() : Optional.of(freshToken()));
  }

  private static Set<String> namesOfThisMachine() {
    Set<String> names = new HashSet<>();
    try {
      NetworkInterface.networkInterfaces()
          .flatMap(NetworkInterface::inetAddresses)
          .forEach(address -> names.add(name(address)));
      names.add(InetAddress.getLocalHost().getHostName());
      names.add(InetAddress.getLocalHost().getCanonicalHostName());
    } catch (SocketException | UnknownHostException e) {
      return names; // without a name the machine is reached by its addresses
    }
    return names;
  }

  private static String name(InetAddress address) {
    String text = address.getHostAddress().split("%", 2)[0];
    return text.contains(":") ? "[" + text + "]" : text;
  }

  private static String freshToken() {
    byte[] random = new byte[24];
    new SecureRandom().nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  /** Returns what the first address must end with. */
  String query() {
    return token.map(secret -> "?token=" + secret).orElse("");
  }

  /** Returns why a request is refused; empty if it may pass. */
  Optional<Response> refusal(HttpExchange exchange) {
    Headers headers = exchange.getRequestHeaders();
    String host = String.valueOf(headers.getFirst("Host")).toLowerCase(Locale.ROOT);
    if (!hosts.contains(host)) {
      return Optional.of(Response.error(403, "this studio is not called " + host));
    }
    if (isOfAnotherPage(exchange, host)) {
      return Optional.of(Response.error(403, "another page may not use the studio"));
    }
    if (token.isPresent() && !isKnown(exchange)) {
      return Optional.of(signIn(exchange));
    }
    return Optional.empty();
  }

  private static boolean isOfAnotherPage(HttpExchange exchange, String host) {
    Headers headers = exchange.getRequestHeaders();
    String origin = headers.getFirst("Origin");
    boolean reads = List.of("GET", "HEAD").contains(exchange.getRequestMethod());
    if (origin == null ? !reads : !origin.equalsIgnoreCase("http://" + host)) {
      return true;
    }
    String site = headers.getFirst("Sec-Fetch-Site");
    boolean link =
        exchange.getRequestURI().getPath().equals("/")
            && "document".equals(headers.getFirst("Sec-Fetch-Dest"));
    return site != null && !List.of("same-origin", "none").contains(site) && !link;
  }

  // ---- the token

  private boolean isKnown(HttpExchange exchange) {
    List<String> cookies =
        exchange.getRequestHeaders().getOrDefault("Cookie", List.of()).stream()
            .flatMap(line -> Arrays.stream(line.split(";")))
            .map(String::strip)
            .toList();
    return cookies.stream().anyMatch(cookie -> isSame(cookie, COOKIE + "=" + token.get()));
  }

  /** Gives the cookie to who calls the first page with the token. */
  private Response signIn(HttpExchange exchange) {
    boolean first = exchange.getRequestURI().getPath().equals("/");
    String query = String.valueOf(exchange.getRequestURI().getRawQuery());
    if (!first || !isSame(query, "token=" + token.get())) {
      return Response.error(401, "open the studio with the address that it printed at its start");
    }
    exchange
        .getResponseHeaders()
        .set("Set-Cookie", COOKIE + "=" + token.get() + "; HttpOnly; SameSite=Strict; Path=/");
    exchange.getResponseHeaders().set("Location", "/");
    return new Response(303, "text/plain", new byte[0]);
  }

  private static boolean isSame(String given, String expected) {
    return MessageDigest.isEqual(
        given.getBytes(StandardCharsets.UTF_8), expected.getBytes(StandardCharsets.UTF_8));
  }
}
