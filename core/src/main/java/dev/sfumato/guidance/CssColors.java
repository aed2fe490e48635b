package dev.sfumato.guidance;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;

/** The named colours of CSS. */
final class CssColors {
  private static final Properties COLORS = read();

  private CssColors() {}

  /** The colour of a name in small letters, as {@code #rrggbb}. */
  static Optional<String> hex(String name) {
    return Optional.ofNullable(COLORS.getProperty(name));
  }

  static Set<String> names() {
    return COLORS.stringPropertyNames();
  }

  private static Properties read() {
    try (InputStream file = CssColors.class.getResourceAsStream("css-colors.properties")) {
      Properties colors = new Properties();
      colors.load(file);
      return colors;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
