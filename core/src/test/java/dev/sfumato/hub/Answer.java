package dev.sfumato.hub;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;

/** An answer of {@link FakeHub} to one request for a content, right or wrong. */
@FunctionalInterface
interface Answer {
  void to(HttpExchange exchange, byte[] content) throws IOException;

  /** Sends what was asked for. */
  static Answer content() {
    return (exchange, content) -> {
      int first = first(exchange);
      head(exchange, first, content.length);
      exchange.getResponseBody().write(content, first, content.length - first);
    };
  }

  static Answer status(int status, String... headers) {
    return (exchange, content) -> {
      for (int i = 0; i < headers.length; i += 2) {
        exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
      }
      exchange.sendResponseHeaders(status, -1);
    };
  }

  /** Sends all that was asked for up to the byte {@code end} and breaks off. */
  static Answer cutAt(int end) {
    return (exchange, content) -> {
      int first = first(exchange);
      head(exchange, first, content.length);
      exchange.getResponseBody().write(content, first, end - first);
      exchange.getResponseBody().flush();
    };
  }

  static Answer sends(byte[] other) {
    return (exchange, content) -> send(exchange, other);
  }

  /** Sends the first byte and, after a while, the others. */
  static Answer slowly(long millis) {
    return (exchange, content) -> {
      head(exchange, 0, content.length);
      exchange.getResponseBody().write(content, 0, 1);
      exchange.getResponseBody().flush();
      try {
        Thread.sleep(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      exchange.getResponseBody().write(content, 1, content.length - 1);
    };
  }

  /** Sends a byte now and then. */
  static Answer dripping(long millis) {
    return (exchange, content) -> {
      int first = first(exchange);
      head(exchange, first, content.length);
      try {
        for (int i = first; i < content.length; i++) {
          exchange.getResponseBody().write(content[i]);
          exchange.getResponseBody().flush();
          Thread.sleep(millis);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    };
  }

  /** Sends {@code part} again and again, until nobody listens. */
  static Answer endlessly(byte[] part) {
    return (exchange, content) -> {
      exchange.sendResponseHeaders(200, 0); // chunks
      while (true) {
        exchange.getResponseBody().write(part);
      }
    };
  }

  /** Sends a part of a body and then nothing. */
  static Answer silently(long millis) {
    return (exchange, content) -> {
      exchange.sendResponseHeaders(200, 0);
      exchange.getResponseBody().write('{');
      exchange.getResponseBody().flush();
      try {
        Thread.sleep(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    };
  }

  static Answer ignoringTheRange() {
    return Answer::send;
  }

  private static int first(HttpExchange exchange) {
    String range = exchange.getRequestHeaders().getFirst("Range");
    return range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
  }

  private static void head(HttpExchange exchange, int first, int size) throws IOException {
    if (first > 0) {
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes " + first + "-" + (size - 1) + "/" + size);
    }
    int rest = size - first;
    exchange.sendResponseHeaders(first > 0 ? 206 : 200, rest == 0 ? -1 : rest);
  }

  static void send(HttpExchange exchange, byte[] body) throws IOException {
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
  }
}
