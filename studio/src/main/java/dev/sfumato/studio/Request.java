package dev.sfumato.studio;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import dev.sfumato.NearNames;
import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A request that may pass.
 *
 * @param method of HTTP
 * @param path decoded, beginning with a slash
 * @param query the values by name
 * @param content the body, not read yet
 */
record Request(String method, String path, Map<String, String> query, InputStream content) {
  private static final int JSON_BYTES = 1 << 20;

  /** The refusal of a body that is too large. */
  static final class TooLarge extends SfumatoException {
    private static final long serialVersionUID = 1L;

    TooLarge(long limit) {
      super("what was sent is too large: at most " + limit / (1 << 20) + " MB");
    }
  }

  /** Returns the values in the query of an address. */
  static Map<String, String> values(String query) {
    Map<String, String> values = new HashMap<>();
    if (query != null) {
      Arrays.stream(query.split("&"))
          .map(pair -> pair.split("=", 2))
          .forEach(pair -> values.put(decoded(pair[0]), pair.length == 1 ? "" : decoded(pair[1])));
    }
    return values;
  }

  private static String decoded(String text) {
    try {
      return URLDecoder.decode(text, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw new SfumatoException("the address has a wrong % sign", e);
    }
  }

  /** Returns a value of the query. */
  String value(String name) {
    String value = query.get(name);
    if (value == null) {
      throw new SfumatoException("the address lacks " + name);
    }
    return value;
  }

  /** Returns the body, at most {@code limit} bytes of it. */
  byte[] bytes(int limit) throws IOException {
    byte[] bytes = content.readNBytes(limit + 1);
    if (bytes.length > limit) {
      throw new TooLarge(limit);
    }
    return bytes;
  }

  /** Writes the body, at most {@code limit} bytes of it, to a file. */
  void save(Path file, long limit) {
    AtomicFile.write(
        file,
        aside -> {
          try (OutputStream out = Files.newOutputStream(aside)) {
            byte[] part = new byte[1 << 16];
            long all = 0;
            for (int n = content.read(part); n >= 0; n = content.read(part)) {
              all += n;
              if (all > limit) {
                throw new TooLarge(limit);
              }
              out.write(part, 0, n);
            }
          }
        });
  }

  /** Returns the body, which must be JSON of this type. */
  <T> T json(Class<T> type) throws IOException {
    try {
      T value =
          JsonFile.MAPPER
              .readerFor(type)
              .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
              .readValue(bytes(JSON_BYTES));
      if (value == null) {
        throw new SfumatoException("nothing was sent");
      }
      return value;
    } catch (UnrecognizedPropertyException e) {
      String name = e.getPropertyName();
      List<String> known = e.getKnownPropertyIds().stream().map(Object::toString).toList();
      throw new SfumatoException(
          "there is no setting '" + Printable.shortened(name) + "'" + NearNames.asked(name, known),
          e);
    } catch (JacksonException e) {
      if (e.getCause() instanceof SfumatoException known) {
        throw known;
      }
      throw new SfumatoException(
          "what was sent does not fit: " + e.getOriginalMessage().lines().findFirst().orElse(""),
          e);
    }
  }
}
