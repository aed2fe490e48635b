package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.HubServer.RemoteFile;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Downloads one blob. What arrives is appended to {@code blobs/HASH.incomplete}, which becomes
 * {@code blobs/HASH} once its hash was found right; what a broken download left is gone on with, in
 * this process or a later one.
 */
final class Download {
  private static final System.Logger log = System.getLogger(Download.class.getName());
  private static final int PARTIAL_CONTENT = 206;

  /** Asks for the content from a byte on. */
  @FunctionalInterface
  interface Source {
    HttpResponse<InputStream> from(long first) throws IOException;
  }

  /** What arrived is not what the server named. */
  static final class WrongBytes extends SfumatoException {
    private static final long serialVersionUID = 1L;

    WrongBytes(RemoteFile file, long size) {
      super(
          String.format(
              Locale.ROOT,
              "%s: refused: the server sent %d bytes that have not the hash %s",
              file.name(),
              size,
              file.hash()));
    }
  }

  private final RemoteFile file;
  private final Source source;
  private final Path partial;
  private final HubSettings settings;
  private final Progress progress;
  private long farthest;

  private Download(
      RemoteFile file, Source source, Path partial, HubSettings settings, Progress progress) {
    this.file = file;
    this.source = source;
    this.partial = partial;
    this.settings = settings;
    this.progress = progress;
  }

  /**
   * Downloads {@code file} to {@code blob}; the caller holds its lock.
   *
   * @throws WrongBytes if what the server sends has another hash
   * @throws SfumatoException if it cannot be had or written
   */
  static void to(
      Path blob, RemoteFile file, Source source, HubSettings settings, Progress progress) {
    Path partial = blob.resolveSibling(blob.getFileName() + ".incomplete");
    try {
      Files.createDirectories(blob.getParent());
      new Download(file, source, partial, settings, progress).run();
      Files.move(partial, blob, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: only partly downloaded, the next call goes on from there: %s",
              file.name(),
              AtomicFile.reason(e)),
          e);
    }
  }

  private void run() throws IOException {
    long left = size();
    progress.add(left);
    farthest = left;
    receive();
    if (left > 0 && !isWhole()) {
      log.log(
          Level.WARNING,
          file.name() + ": the rest does not fit what an earlier download left: from the start");
      discard();
      receive();
    }
    if (!isWhole()) {
      long received = size();
      discard();
      throw new WrongBytes(file, received);
    }
  }

  private boolean isWhole() throws IOException {
    return (file.size() < 0 || file.size() == size()) && ContentHash.isOf(partial, file.hash());
  }

  private void receive() throws IOException {
    Retries retries = new Retries(settings.pause(), IOException.class);
    retries.run(
        () -> {
          try {
            receiveRest();
            return partial;
          } catch (IOException e) {
            log.log(Level.DEBUG, file.name() + ": broke off after " + size() + " bytes", e);
            if (size() > farthest) {
              farthest = size();
              retries.restart();
            }
            throw e;
          }
        });
  }

  private void receiveRest() throws IOException {
    if (size() > file.size()) { // nothing to go on with, also where the size is not known
      discard();
    }
    long first = size();
    if (first > 0 && first == file.size()) {
      return;
    }
    HttpResponse<InputStream> response = source.from(first);
    try (InputStream body = response.body()) {
      if (!continues(response, first)) {
        discard();
      }
      append(body);
    }
    if (size() < file.size()) {
      throw new IOException("the connection was cut after " + size() + " bytes");
    }
  }

  /** A server is free to send all of the file instead. */
  private static boolean continues(HttpResponse<?> response, long first) {
    return first > 0
        && response.statusCode() == PARTIAL_CONTENT
        && response
            .headers()
            .firstValue("Content-Range")
            .filter(range -> range.matches("bytes\\s+" + first + "-.*"))
            .isPresent();
  }

  private void append(InputStream body) throws IOException {
    byte[] buffer = new byte[1 << 16];
    try (OutputStream out = open()) {
      for (int n = read(body, buffer); n >= 0; n = read(body, buffer)) {
        write(out, buffer, n);
        progress.add(n);
      }
    }
  }

  /** A silent server must not hold everything up, and the client has no time limit for bodies. */
  private int read(InputStream body, byte[] buffer) throws IOException {
    Duration limit = settings.timeout();
    CompletableFuture<Integer> watched =
        new CompletableFuture<Integer>().orTimeout(limit.toMillis(), TimeUnit.MILLISECONDS);
    watched.whenComplete(
        (n, silence) -> {
          if (silence != null) {
            close(body);
          }
        });
    int n = body.read(buffer);
    if (!watched.complete(n)) {
      throw new IOException("the server was silent for " + limit.toSeconds() + " s");
    }
    return n;
  }

  private static void close(InputStream body) {
    try {
      body.close();
    } catch (IOException e) {
      log.log(Level.DEBUG, "closing a silent connection", e);
    }
  }

  // ---- the file: that it cannot be written does not pass by trying again

  private OutputStream open() {
    try {
      return Files.newOutputStream(partial, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private void write(OutputStream out, byte[] buffer, int count) {
    try {
      out.write(buffer, 0, count);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private SfumatoException unwritable(IOException e) {
    return new SfumatoException(partial + ": cannot be written: " + AtomicFile.reason(e), e);
  }

  private long size() throws IOException {
    return Files.exists(partial) ? Files.size(partial) : 0;
  }

  private void discard() throws IOException {
    progress.add(-size());
    Files.deleteIfExists(partial);
  }
}
