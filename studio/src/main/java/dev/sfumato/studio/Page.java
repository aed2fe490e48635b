package dev.sfumato.studio;

import dev.sfumato.picture.Png;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Answers with the files of the page, which lie beside this class, and with pictures. */
final class Page {
  private static final Pattern FILE = Pattern.compile("/([a-z]+\\.(html|css|js|svg))");
  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "svg", "image/svg+xml");

  private Page() {}

  /** Returns the file at a path, if the page has it. */
  static Optional<Response> file(String path) {
    Matcher file = FILE.matcher(path.equals("/") ? "/index.html" : path);
    if (!file.matches()) {
      return Optional.empty();
    }
    try (InputStream in = Page.class.getResourceAsStream("page/" + file.group(1))) {
      return in == null
          ? Optional.empty()
          : Optional.of(new Response(200, TYPES.get(file.group(2)), in.readAllBytes()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns an address that holds a picture. */
  static String address(BufferedImage picture) {
    return "data:image/png;base64," + Base64.getEncoder().encodeToString(Png.encode(picture));
  }
}
