package dev.sfumato.io;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;

/** The body of an answer from a server that may be silent, slow or endless. */
final class WatchedBody extends FilterInputStream {
  private final Duration silence;
  private final long most;
  private final LongFunction<Duration> patience;
  private final long start = System.nanoTime();
  private long received;

  WatchedBody(InputStream body, Duration silence, long most, LongFunction<Duration> patience) {
    super(body);
    this.silence = silence;
    this.most = most;
    this.patience = patience;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  /**
   * Reads with a time limit, which the client lacks for bodies: closing a body ends a read that
   * waits.
   */
  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
    if (elapsed.compareTo(patience.apply(received)) > 0) {
      throw new WebClient.TooSlow(
          "the server sends too slowly: " + received + " bytes in " + seconds(elapsed));
    }
    CompletableFuture<Integer> watched =
        new CompletableFuture<Integer>().orTimeout(silence.toMillis(), TimeUnit.MILLISECONDS);
    watched.whenComplete(
        (n, tooLong) -> {
          if (tooLong != null) {
            closeQuietly();
          }
        });
    int n = read(buffer, offset, length, watched);
    received += Math.max(0, n);
    if (received > most) {
      throw new IOException("the server sends more than " + most + " bytes");
    }
    return n;
  }

  private int read(byte[] buffer, int offset, int length, CompletableFuture<Integer> watched)
      throws IOException {
    try {
      int n = super.read(buffer, offset, length);
      if (watched.complete(n)) {
        return n;
      }
    } catch (IOException e) {
      if (watched.cancel(false)) {
        throw e; // of another kind
      }
    }
    throw new IOException("the server was silent for " + seconds(silence));
  }

  private void closeQuietly() {
    try {
      close();
    } catch (IOException e) {
      // The waiting read reports the cause.
    }
  }

  private static String seconds(Duration time) {
    return time.toSeconds() + " s";
  }
}
