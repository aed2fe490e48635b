package dev.sfumato.studio;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Sends news to all open pages, as server-sent events. */
final class Events {
  private static final int WAITING = 500;
  private static final int PAUSE_SECONDS = 5;

  /**
   * Open pages; the queue of one that reads too slowly runs full and the page must connect anew.
   */
  private final Set<BlockingQueue<String>> pages = ConcurrentHashMap.newKeySet();

  private volatile boolean closed;

  /** Sends a value to all pages. */
  void send(String event, Object value) {
    if (!pages.isEmpty()) {
      String text = text(event, value);
      pages.removeIf(page -> !page.offer(text));
    }
  }

  /**
   * Writes all news to a page until it is closed.
   *
   * @param first what the page must know at its start
   */
  void follow(OutputStream page, String event, Supplier<Object> first) throws IOException {
    BlockingQueue<String> queue = new LinkedBlockingQueue<>(WAITING);
    pages.add(queue);
    try {
      write(page, text(event, first.get()));
      while (!closed && (pages.contains(queue) || !queue.isEmpty())) {
        String text = queue.poll(PAUSE_SECONDS, TimeUnit.SECONDS);
        write(page, text == null ? ": the studio is there\n\n" : text);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the server ends
    } finally {
      pages.remove(queue);
    }
  }

  private static void write(OutputStream page, String text) throws IOException {
    page.write(text.getBytes(StandardCharsets.UTF_8));
    page.flush();
  }

  private static String text(String event, Object value) {
    try {
      return "event: " + event + "\ndata: " + JsonFile.MAPPER.writeValueAsString(value) + "\n\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Ends all connections. */
  void close() {
    closed = true;
    pages.forEach(page -> page.offer(": the studio ends\n\n"));
  }
}
