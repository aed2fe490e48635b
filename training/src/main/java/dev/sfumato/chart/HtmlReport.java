package dev.sfumato.chart;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.Png;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A page about a run. It is a single file that embeds its pictures and has no scripts and no
 * external links, so it can be mailed or archived. It follows the reader's light or dark setting
 * and fits a telephone.
 *
 * @param title heads the page and names the browser's tab
 * @param sections its parts, from top to bottom
 */
public record HtmlReport(String title, List<Section> sections) {
  /** Copies the list. */
  public HtmlReport {
    sections = List.copyOf(sections);
  }

  /** A part of the page. All texts are plain; markup in them is escaped. */
  public sealed interface Section {}

  /** A headline within the page. */
  public record Heading(String text) implements Section {}

  /** A paragraph in larger type that sums up the page. */
  public record Lead(String text) implements Section {}

  /** A paragraph. */
  public record Paragraph(String text) implements Section {}

  /**
   * Settings or results by name, in the map's order.
   *
   * @param values the value beside each name
   */
  public record Settings(Map<String, String> values) implements Section {
    /** Copies the map. */
    public Settings {
      values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }
  }

  /**
   * A picture with words below it.
   *
   * @param file the bytes of a PNG, JPEG or GIF file; not to be changed afterwards
   * @param caption a description of the picture, also for readers who cannot see it
   * @param chart whether it is drawn in dark lines on white; its lightness is then turned round
   *     where the page is dark
   */
  public record Picture(byte[] file, String caption, boolean chart) implements Section {
    /** Checks the format. */
    public Picture {
      if (mediaType(file).isEmpty()) {
        throw new SfumatoException(
            "the report's picture '" + caption + "' is not a PNG, JPEG or GIF file");
      }
    }

    /** An image from memory. */
    public static Picture of(BufferedImage image, String caption) {
      return new Picture(Png.encode(image), caption, false);
    }

    /**
     * A picture file.
     *
     * @throws SfumatoException if it cannot be read or is not a PNG, JPEG or GIF
     */
    public static Picture read(Path path, String caption) {
      return read(path, caption, false);
    }

    /** The file of a chart, dark on white; otherwise as {@link #read}. */
    public static Picture chart(Path path, String caption) {
      return read(path, caption, true);
    }

    private static Picture read(Path path, String caption, boolean chart) {
      byte[] file;
      try {
        file = Files.readAllBytes(path);
      } catch (IOException e) {
        throw new SfumatoException("cannot read " + path + ": " + AtomicFile.reason(e), e);
      }
      if (mediaType(file).isEmpty()) {
        throw new SfumatoException(path + " is not a PNG, JPEG or GIF file");
      }
      return new Picture(file, caption, chart);
    }
  }

  /**
   * Pictures side by side, as many in a row as fit.
   *
   * @param pictures from left to right
   */
  public record Gallery(List<Picture> pictures) implements Section {
    /** Copies the list. */
    public Gallery {
      pictures = List.copyOf(pictures);
    }
  }

  /**
   * Pictures one below the other, each beside its caption.
   *
   * @param pictures from top to bottom
   */
  public record Rows(List<Picture> pictures) implements Section {
    /** Copies the list. */
    public Rows {
      pictures = List.copyOf(pictures);
    }
  }

  /** A table; columns that hold only numbers, or nothing, are set flush right. */
  public record Table(List<String> header, List<List<String>> rows) implements Section {
    /** Copies the lists. */
    public Table {
      header = List.copyOf(header);
      rows = rows.stream().map(List::copyOf).toList();
      for (List<String> row : rows) {
        if (row.size() != header.size()) {
          throw new SfumatoException(
              "a report's table has " + header.size() + " columns but a row of " + row);
        }
      }
    }
  }

  /** Lines to type into a terminal, or another text that keeps its line breaks. */
  public record Commands(String text) implements Section {}

  /**
   * Saves the page atomically.
   *
   * @throws SfumatoException if the file cannot be written
   */
  public void write(Path file) {
    AtomicFile.write(file, html().getBytes(StandardCharsets.UTF_8));
  }

  /** The page as text. */
  public String html() {
    return ReportPage.html(this);
  }

  /** Returns the media type that the first bytes of a file tell. */
  static Optional<String> mediaType(byte[] file) {
    String start = new String(file, 0, Math.min(file.length, 4), StandardCharsets.ISO_8859_1);
    if (start.equals("\u0089PNG")) {
      return Optional.of("image/png");
    } else if (start.startsWith("\u00FF\u00D8\u00FF")) {
      return Optional.of("image/jpeg");
    } else if (start.equals("GIF8")) {
      return Optional.of("image/gif");
    }
    return Optional.empty();
  }
}
