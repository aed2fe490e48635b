package dev.sfumato.picture;

import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * A picture and its name in messages.
 *
 * @param name such as its file
 * @param pixels the picture; a file is decoded at each call
 */
public record NamedPicture(String name, Supplier<Pixels> pixels) {
  /** Returns the picture in a file, which is not opened yet. */
  public static NamedPicture in(Path file) {
    return new NamedPicture(file.toString(), () -> PictureReader.read(file));
  }

  /** Returns a decoded picture. */
  public static NamedPicture of(String name, Pixels pixels) {
    return new NamedPicture(name, () -> pixels);
  }
}
