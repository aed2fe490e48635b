package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.PictureParameters;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The drawings that were finished: a folder for each, with a PNG file for each picture and {@code
 * drawing.json}. That file is written last, so a folder without it is not a drawing.
 */
final class Gallery {
  private static final System.Logger log = System.getLogger(Gallery.class.getName());
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmssSSS", Locale.ROOT).withZone(ZoneOffset.UTC);
  private static final Pattern ID = Pattern.compile("\\d{8}-\\d{9}-[0-9a-f]{8}");
  private static final String FILE = "drawing.json";
  private static final AtomicLong LAST = new AtomicLong();

  private final Path folder;

  Gallery(Path folder) {
    this.folder = folder;
  }

  /**
   * A drawing with its result.
   *
   * @param id of the drawing, which begins with its time
   * @param drawing what was asked for
   * @param steps of the scheduler
   * @param height of a picture
   * @param width of a picture
   * @param seconds that it took
   * @param losses of the guides at each step, by their names
   * @param warning of the first step at which a guide went wrong; null if none did
   */
  record Entry(
      String id,
      Drawing drawing,
      int steps,
      int height,
      int width,
      double seconds,
      List<Map<String, Double>> losses,
      String warning) {}

  /** Returns a new id, which comes after all earlier ones. */
  static String newId() {
    long time =
        LAST.accumulateAndGet(System.currentTimeMillis(), (last, now) -> Math.max(last + 1, now));
    return TIME.format(Instant.ofEpochMilli(time))
        + "-"
        + UUID.randomUUID().toString().substring(0, 8);
  }

  /** Keeps a drawing. */
  void add(Entry entry, List<BufferedImage> pictures, PictureParameters parameters) {
    for (int i = 0; i < pictures.size(); i++) {
      parameters.write(picture(entry.id(), i), pictures.get(i), i);
    }
    JsonFile.write(folder.resolve(entry.id()).resolve(FILE), entry);
  }

  private Path picture(String id, int number) {
    return folder.resolve(id).resolve(String.format(Locale.ROOT, "%05d.png", number));
  }

  /** Returns all drawings, the newest first. A damaged one is left out with a warning. */
  List<Entry> entries() {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    List<Entry> entries = new ArrayList<>();
    try (Stream<Path> folders = Files.list(folder)) {
      for (Path one : folders.sorted(Comparator.reverseOrder()).toList()) {
        if (ID.matcher(one.getFileName().toString()).matches() && Files.exists(one.resolve(FILE))) {
          read(one, entries);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return entries;
  }

  private static void read(Path folder, List<Entry> entries) {
    try {
      entries.add(JsonFile.read(folder.resolve(FILE), Entry.class));
    } catch (SfumatoException e) {
      log.log(System.Logger.Level.WARNING, e.getMessage());
    }
  }

  /**
   * Returns the file of a picture.
   *
   * @throws SfumatoException if there is no such picture
   */
  Path file(String id, int number) {
    if (!ID.matcher(id).matches() || !Files.exists(picture(id, number))) {
      throw new SfumatoException("the gallery has no such picture");
    }
    return picture(id, number);
  }

  /** Deletes a drawing, if it exists. */
  void remove(String id) {
    if (ID.matcher(id).matches()) {
      AtomicFile.delete(folder.resolve(id).resolve(FILE)); // first: the rest is no drawing
      AtomicFile.delete(folder.resolve(id));
    }
  }
}
