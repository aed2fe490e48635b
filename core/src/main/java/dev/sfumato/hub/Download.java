package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.HubServer.RemoteFile;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.WebClient;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/**
 * Downloads one blob. Arriving bytes are appended to {@code blobs/HASH.incomplete}, which becomes
 * {@code blobs/HASH} once its hash is verified. A broken download is resumed, in this process or a
 * later one.
 */
final class Download {
  private static final System.Logger log = System.getLogger(Download.class.getName());
  private static final int PARTIAL_CONTENT = 206;

  /** A source of the content from a given byte on. */
  @FunctionalInterface
  interface Source {
    HttpResponse<InputStream> from(long first) throws IOException;
  }

  /** The failure that the content does not match the hash that the server named. */
  static final class WrongBytes extends SfumatoException {
    private static final long serialVersionUID = 1L;

    WrongBytes(RemoteFile file, long size) {
      super(
          String.format(
              Locale.ROOT,
              "%s: refused: the server sent %d bytes that are not those of the hash %s",
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
   * @throws WrongBytes if the content has another hash
   * @throws SfumatoException if it cannot be downloaded or written
   */
  static void to(
      Path blob, RemoteFile file, Source source, HubSettings settings, Progress progress) {
    Path partial = blob.resolveSibling(blob.getFileName() + ".incomplete");
    try {
      Files.createDirectories(blob.getParent());
      new Download(file, source, partial, settings, progress).run();
      AtomicFile.publish(partial, blob);
    } catch (IOException e) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: only partly downloaded, the next call resumes there: %s",
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
          file.name() + ": the rest does not fit an earlier download: starting again");
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
            if (!(e instanceof WebClient.TooSlow) && size() > farthest) {
              farthest = size();
              retries.restart();
            }
            throw e;
          }
        });
  }

  private void receiveRest() throws IOException {
    if (size() > file.size()) { // nothing to resume, also if the size is not known
      discard();
    }
    long first = size();
    if (first > 0 && first == file.size()) {
      return;
    }
    HttpResponse<InputStream> response = source.from(first);
    try (InputStream body = response.body()) {
      if (file.size() < 0 && response.headers().firstValue("Content-Length").isEmpty()) {
        throw new SfumatoException(file.name() + ": refused: the server does not say its size");
      }
      if (!continues(response, first)) {
        discard();
      }
      append(body);
    }
    if (size() < file.size()) {
      throw new IOException("the connection was cut after " + size() + " bytes");
    }
  }

  /** Returns true if the answer continues the file; a server may send all of it instead. */
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
      long received = size();
      for (int n = body.read(buffer); n >= 0; n = body.read(buffer)) {
        received += n;
        if (file.size() >= 0 && received > file.size()) {
          throw new WrongBytes(file, received);
        }
        write(out, buffer, n);
        progress.add(n);
      }
    }
  }

  // ---- the file: if it cannot be written, trying again does not help

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
