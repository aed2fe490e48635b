package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.ContentHash;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Png;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Pictures that the page sent. Each is decoded when it comes and kept as a PNG file under the hash
 * of its content, so nothing else is ever served.
 */
final class Uploads {
  /** The limit of a picture file in bytes. */
  static final int MAX_BYTES = 32 << 20;

  private static final long MAX_PIXELS = 50_000_000;
  private static final Pattern ID = Pattern.compile("[0-9a-f]{32}");

  private final Path folder;

  Uploads(Path folder) {
    this.folder = folder;
  }

  /**
   * Keeps a picture.
   *
   * @return its id and its size
   * @throws SfumatoException if the bytes are not a picture, or too large a one
   */
  Map<String, Object> add(byte[] bytes) {
    Pixels pixels = PictureReader.read(bytes, "the picture");
    if ((long) pixels.width() * pixels.height() > MAX_PIXELS) {
      throw new SfumatoException("the picture has more than 50 million pixels");
    }
    byte[] png = Png.encode(pixels.toImage());
    String id = ContentHash.sha256(png).substring(0, 32);
    if (!Files.exists(path(id))) {
      AtomicFile.write(path(id), png);
    }
    return Map.of("id", id, "width", pixels.width(), "height", pixels.height());
  }

  private Path path(String id) {
    return folder.resolve(id + ".png");
  }

  /**
   * Returns the file of a picture.
   *
   * @throws SfumatoException if there is no such picture
   */
  Path file(String id) {
    if (id == null || !ID.matcher(id).matches() || !Files.exists(path(id))) {
      throw new SfumatoException("the picture is no longer there: choose it again");
    }
    return path(id);
  }
}
