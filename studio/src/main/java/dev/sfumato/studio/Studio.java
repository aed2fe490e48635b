package dev.sfumato.studio;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * A web page on this machine that draws, steers and watches.
 *
 * <pre>{@code
 * try (Studio studio = Studio.start(StudioOptions.defaults())) {
 *   System.out.println(studio.address());
 *   System.in.read();
 * }
 * }</pre>
 *
 * <p>Only pages of this address may use it. At an address that other machines reach, the page opens
 * only with the token in {@link #address}.
 */
public final class Studio implements AutoCloseable {
  private static final System.Logger log = System.getLogger(Studio.class.getName());
  private static final int CONNECTIONS = 64;

  private final HttpServer server;
  private final ExecutorService threads;
  private final Access access;
  private final Events events = new Events();
  private final Jobs jobs = new Jobs(events);
  private final LoadedModel model;
  private final Routes routes;

  private Studio(StudioOptions options, HttpServer server) {
    this.server = server;
    this.access = Access.of(server.getAddress().getAddress(), server.getAddress().getPort());
    this.model = new LoadedModel(options);
    Folders folders = new Folders(options.folders(), options.home().resolve("data"));
    Uploads uploads = new Uploads(options.home().resolve("pictures"));
    List<Routes.Route> all = new ArrayList<>();
    all.addAll(new DrawRoutes(options, folders, uploads, jobs, model).all());
    all.addAll(new WatchRoutes(options, folders, jobs, model).all());
    all.addAll(new LookRoutes(options, folders, uploads, jobs).all());
    this.routes = new Routes(all);
    this.threads =
        new ThreadPoolExecutor(
            0,
            CONNECTIONS,
            30,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            work -> {
              Thread thread = new Thread(work, "studio-page");
              thread.setDaemon(true);
              return thread;
            });
  }

  /**
   * Starts a studio.
   *
   * @throws SfumatoException if the address cannot be listened at
   */
  public static Studio start(StudioOptions options) {
    // Without it each event would wait for the answer to the one before. Read once by the server.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    try {
      InetAddress address = InetAddress.getByName(options.host());
      HttpServer server = HttpServer.create(new InetSocketAddress(address, options.port()), 0);
      Studio studio = new Studio(options, server);
      server.setExecutor(studio.threads);
      server.createContext("/").setHandler(studio::handle);
      server.start();
      return studio;
    } catch (UnknownHostException e) {
      throw new SfumatoException("`host` " + options.host() + ": there is no such address", e);
    } catch (IOException e) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "port %d of %s cannot be used (%s): choose another `port`",
              options.port(),
              options.host(),
              AtomicFile.reason(e)),
          e);
    }
  }

  /** Returns the address of the page, with the token if it needs one. */
  public URI address() {
    InetAddress address = server.getAddress().getAddress();
    String host = address.isAnyLocalAddress() ? localName() : address.getHostAddress();
    String name = host.contains(":") ? "[" + host + "]" : host;
    return URI.create(
        "http://" + name + ":" + server.getAddress().getPort() + "/" + access.query());
  }

  private static String localName() {
    try {
      return InetAddress.getLocalHost().getHostAddress();
    } catch (UnknownHostException e) {
      return "127.0.0.1";
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      secure(exchange);
      Optional<Response> refusal = access.refusal(exchange);
      if (refusal.isPresent()) {
        send(exchange, refusal.get());
      } else if (exchange.getRequestURI().getPath().equals("/api/events")) {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        events.follow(exchange.getResponseBody(), "jobs", jobs::states);
      } else {
        send(exchange, answer(exchange));
      }
    } catch (IOException e) {
      log.log(System.Logger.Level.DEBUG, "a page closed its connection", e);
    }
  }

  private static void secure(HttpExchange exchange) {
    var headers = exchange.getResponseHeaders();
    headers.set(
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline';"
            + " frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
    headers.set("Cross-Origin-Opener-Policy", "same-origin");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("Cache-Control", "no-store");
  }

  private Response answer(HttpExchange exchange) throws IOException {
    try {
      URI uri = exchange.getRequestURI();
      return routes.answer(
          new Request(
              exchange.getRequestMethod(),
              uri.getPath(),
              Request.values(uri.getRawQuery()),
              exchange.getRequestBody()));
    } catch (Request.TooLarge e) {
      // A connection that is closed with a part unread loses the answer.
      exchange.getRequestBody().transferTo(OutputStream.nullOutputStream());
      return Response.error(413, e.getMessage());
    } catch (SfumatoException e) {
      return Response.error(400, e.getMessage());
    } catch (RuntimeException e) {
      log.log(System.Logger.Level.ERROR, exchange.getRequestURI().getPath(), e);
      return Response.error(500, "the studio failed: " + e);
    }
  }

  private static void send(HttpExchange exchange, Response response) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", response.type());
    int length = response.body().length;
    exchange.sendResponseHeaders(response.status(), length == 0 ? -1 : length);
    if (!exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseBody().write(response.body());
    }
  }

  /** Ends the studio: work is stopped, what must be saved is saved, and the memory is freed. */
  @Override
  public void close() {
    jobs.close();
    events.close();
    server.stop(0);
    threads.shutdownNow();
    model.close();
  }
}
