package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.net.Authenticator;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The proxies that an environment names, as Python's {@code requests} reads them: {@code
 * http_proxy}, {@code https_proxy}, {@code all_proxy} and {@code no_proxy}, or the same in
 * capitals. Java's own settings, such as {@code -Dhttp.proxyHost}, come first.
 */
public final class WebProxies extends ProxySelector {
  /** Java does not send passwords to proxies of https addresses unless this is empty. */
  private static final String DISABLED_SCHEMES = "jdk.http.auth.tunneling.disabledSchemes";

  private final Map<String, String> environment;

  private WebProxies(Map<String, String> environment) {
    this.environment = environment;
  }

  /** The proxies of an environment. */
  public static WebProxies of(Map<String, String> environment) {
    return new WebProxies(environment);
  }

  /**
   * Chooses the way to an address.
   *
   * @throws SfumatoException naming the variable that holds no address of a proxy
   */
  @Override
  public List<Proxy> select(URI target) {
    List<Proxy> javas =
        Optional.ofNullable(ProxySelector.getDefault())
            .map(p -> p.select(target))
            .orElse(List.of());
    if (javas.stream().anyMatch(proxy -> proxy.type() != Proxy.Type.DIRECT)) {
      return javas;
    }
    return chosen(target).map(Address::proxy).map(List::of).orElse(List.of(Proxy.NO_PROXY));
  }

  @Override
  public void connectFailed(URI target, SocketAddress proxy, IOException e) {
    // The caller gets the exception.
  }

  /** Tells proxies the user and the password that stand in their addresses. */
  Optional<Authenticator> authenticator() {
    List<Address> known =
        Stream.of("http", "https")
            .flatMap(scheme -> address(scheme).stream())
            .filter(address -> !address.user().isEmpty())
            .toList();
    if (known.isEmpty()) {
      return Optional.empty();
    }
    if (System.getProperty(DISABLED_SCHEMES) == null) {
      System.setProperty(DISABLED_SCHEMES, "");
    }
    return Optional.of(
        new Authenticator() {
          @Override
          protected PasswordAuthentication getPasswordAuthentication() {
            return known.stream()
                .filter(address -> getRequestorType() == RequestorType.PROXY)
                .filter(address -> address.host().equalsIgnoreCase(getRequestingHost()))
                .filter(address -> address.port() == getRequestingPort())
                .findFirst()
                .map(a -> new PasswordAuthentication(a.user(), a.password().toCharArray()))
                .orElse(null);
          }
        });
  }

  // ---- the variables

  private Optional<Address> chosen(URI target) {
    return isExcluded(target)
        ? Optional.empty()
        : address(String.valueOf(target.getScheme()).toLowerCase(Locale.ROOT));
  }

  private Optional<Address> address(String scheme) {
    return Stream.of(scheme + "_proxy", "all_proxy")
        .flatMap(name -> Stream.of(name, name.toUpperCase(Locale.ROOT)))
        .filter(name -> !environment.getOrDefault(name, "").isBlank())
        .findFirst()
        .map(name -> Address.parse(name, environment.get(name).strip()));
  }

  private boolean isExcluded(URI target) {
    String host = String.valueOf(target.getHost()).toLowerCase(Locale.ROOT);
    int port =
        target.getPort() >= 0 ? target.getPort() : "https".equals(target.getScheme()) ? 443 : 80;
    return Stream.of("no_proxy", "NO_PROXY")
        .map(name -> environment.getOrDefault(name, ""))
        .filter(value -> !value.isBlank())
        .findFirst()
        .stream()
        .flatMap(value -> Stream.of(value.toLowerCase(Locale.ROOT).split("[,\\s]+")))
        .anyMatch(entry -> excludes(entry, host, port));
  }

  /** An entry is {@code *}, or a host or a suffix of hosts, with a port or without. */
  private static boolean excludes(String entry, String host, int port) {
    String name = entry;
    if (entry.matches("[^:]+:\\d+|\\[.*]:\\d+")) {
      int colon = entry.lastIndexOf(':');
      if (!entry.substring(colon + 1).equals(String.valueOf(port))) {
        return false;
      }
      name = entry.substring(0, colon);
    }
    name = name.replaceFirst("^\\*?\\.", "");
    String bare = host.replaceAll("[\\[\\]]", "");
    return name.equals("*")
        || name.replaceAll("[\\[\\]]", "").equals(bare)
        || !name.isEmpty() && bare.endsWith("." + name);
  }

  /** Where a proxy is and who may use it; without a user the name is empty. */
  private record Address(String host, int port, String user, String password) {
    /** Says nothing of the value, which may hold a password. */
    static Address parse(String variable, String value) {
      try {
        URI uri = URI.create(value.contains("://") ? value : "http://" + value);
        if ("http".equalsIgnoreCase(uri.getScheme()) && uri.getHost() != null) {
          String[] user = Optional.ofNullable(uri.getRawUserInfo()).orElse("").split(":", 2);
          return new Address(
              uri.getHost().replaceAll("[\\[\\]]", ""),
              uri.getPort() < 0 ? 80 : uri.getPort(),
              decoded(user[0]),
              user.length == 2 ? decoded(user[1]) : "");
        }
      } catch (IllegalArgumentException e) {
        // The message below says it better.
      }
      throw new SfumatoException(
          variable
              + ": is not the address of an HTTP proxy, such as http://user:password@host:8080");
    }

    private static String decoded(String part) {
      return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    Proxy proxy() {
      return new Proxy(Proxy.Type.HTTP, new InetSocketAddress(host, port));
    }
  }
}
