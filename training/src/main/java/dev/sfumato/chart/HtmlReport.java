package dev.sfumato.chart;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.Png;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;

/**
 * A page about a run. It is a single file that embeds its pictures and has no scripts and no
 * external links, so it can be mailed or archived. It follows the reader's light or dark setting
 * and fits a telephone.
 *
 * @param title heads the page and names the browser's tab
 * @param sections its parts, from top to bottom
 */
public record HtmlReport(String title, List<Section> sections) {
  /** The widest that a picture is shown, in pixels. */
  private static final int COLUMN = 856;

  private static final Pattern NUMBER =
      Pattern.compile(
          "[-+\u2212]?[\\d][\\d.,\u2009 ]*([eE][-+]?\\d+)?\\s?(%|x|ms|s|MB|GB|MiB|GiB)?");

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
   */
  public record Picture(byte[] file, String caption) implements Section {
    /** Checks the format. */
    public Picture {
      if (mediaType(file).isEmpty()) {
        throw new SfumatoException(
            "the report's picture '" + caption + "' is not a PNG, JPEG or GIF file");
      }
    }

    /** An image from memory. */
    public static Picture of(BufferedImage image, String caption) {
      return new Picture(Png.encode(image), caption);
    }

    /**
     * A picture file.
     *
     * @throws SfumatoException if it cannot be read or is not a PNG, JPEG or GIF
     */
    public static Picture read(Path path, String caption) {
      byte[] file;
      try {
        file = Files.readAllBytes(path);
      } catch (IOException e) {
        throw new SfumatoException("cannot read " + path + ": " + AtomicFile.reason(e), e);
      }
      if (mediaType(file).isEmpty()) {
        throw new SfumatoException(path + " is not a PNG, JPEG or GIF file");
      }
      return new Picture(file, caption);
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
    byte[] page = html().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, page);
  }

  /** The page as text. */
  public String html() {
    return String.format(
        Locale.ROOT,
        """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
    <title>%s</title>
    <style>
    %s</style>
    </head>
    <body>
    <main>
    <h1>%s</h1>
    %s
    </main>
    </body>
    </html>
    """,
        escaped(title),
        STYLE,
        escaped(title),
        sections.stream().map(HtmlReport::html).collect(Collectors.joining("\n")));
  }

  private static String html(Section section) {
    if (section instanceof Heading heading) {
      return "<h2>" + escaped(heading.text()) + "</h2>";
    } else if (section instanceof Lead lead) {
      return "<p class=\"lead\">" + escaped(lead.text()) + "</p>";
    } else if (section instanceof Paragraph paragraph) {
      return "<p>" + escaped(paragraph.text()) + "</p>";
    } else if (section instanceof Settings settings) {
      return settings.values().entrySet().stream()
          .map(e -> "<dt>" + escaped(e.getKey()) + "</dt><dd>" + escaped(e.getValue()) + "</dd>")
          .map(row -> "<div>" + row + "</div>")
          .collect(Collectors.joining("\n", "<dl>\n", "\n</dl>"));
    } else if (section instanceof Picture picture) {
      return html(picture);
    } else if (section instanceof Gallery gallery) {
      return html("gallery", gallery.pictures());
    } else if (section instanceof Rows rows) {
      return html("rows", rows.pictures());
    } else if (section instanceof Table table) {
      return html(table);
    } else {
      return "<pre><code>" + escaped(((Commands) section).text()) + "</code></pre>";
    }
  }

  private static String html(String kind, List<Picture> pictures) {
    return pictures.stream()
        .map(HtmlReport::html)
        .collect(Collectors.joining("\n", "<div class=\"" + kind + "\">\n", "\n</div>"));
  }

  private static String html(Picture picture) {
    String caption = escaped(picture.caption());
    return String.format(
        Locale.ROOT,
        "<figure><img%s alt=\"%s\" src=\"data:%s;base64,%s\"><figcaption>%s</figcaption></figure>",
        isSmall(picture.file()) ? " class=\"small\"" : "",
        caption,
        mediaType(picture.file()).orElseThrow(),
        Base64.getEncoder().encodeToString(picture.file()),
        caption);
  }

  /** Says if a picture is enlarged to the column; its pixels must then stay sharp. */
  private static boolean isSmall(byte[] file) {
    try {
      BufferedImage image = ImageIO.read(new ByteArrayInputStream(file));
      return image != null && image.getWidth() < COLUMN;
    } catch (IOException e) {
      return false; // a browser shows what it can
    }
  }

  private static String html(Table table) {
    boolean[] numeric = new boolean[table.header().size()];
    for (int column = 0; column < numeric.length; column++) {
      int c = column;
      numeric[c] =
          table.rows().stream()
              .map(row -> row.get(c))
              .allMatch(cell -> cell.isEmpty() || NUMBER.matcher(cell).matches());
    }
    String body =
        table.rows().stream()
            .map(row -> html("td", row, numeric))
            .collect(Collectors.joining("\n"));
    return String.format(
        Locale.ROOT,
        "<div class=\"wide\"><table>\n<thead>%s</thead>\n<tbody>\n%s\n</tbody></table></div>",
        html("th", table.header(), numeric),
        body);
  }

  private static String html(String element, List<String> row, boolean[] numeric) {
    StringBuilder html = new StringBuilder("<tr>");
    for (int c = 0; c < row.size(); c++) {
      html.append('<').append(element).append(numeric[c] ? " class=\"number\">" : ">");
      html.append(escaped(row.get(c))).append("</").append(element).append('>');
    }
    return html.append("</tr>").toString();
  }

  private static Optional<String> mediaType(byte[] file) {
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

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }

  private static final String STYLE =
      """
      :root { --ink: #22272e; --soft: #5c6670; --line: #e1e5ea; --card: #f6f7f9; --page: #fff;
        --accent: #1f5fa8; }
      @media (prefers-color-scheme: dark) {
        :root { --ink: #e3e7ec; --soft: #9aa5b1; --line: #333b45; --card: #1d232b; --page: #14181d;
          --accent: #7fb2e8; }
      }
      * { box-sizing: border-box; }
      body { margin: 0; background: var(--page); color: var(--ink);
        font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
      main { max-width: 56rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; overflow-wrap: anywhere; }
      h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1rem; letter-spacing: -0.02em; }
      h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.75rem 0 .75rem; padding-top: 1.25rem;
        border-top: 1px solid var(--line); }
      p { margin: 0 0 1rem; max-width: 42rem; }
      .lead { font-size: 1.15rem; color: var(--soft); }
      dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr));
        column-gap: 2.5rem; margin: 1rem 0; }
      dl div { display: flex; justify-content: space-between; gap: 1.5rem; padding: .35rem 0;
        border-bottom: 1px solid var(--line); break-inside: avoid; }
      dt { color: var(--soft); flex: none; max-width: 60%; }
      dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
      .gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr));
        gap: 1.25rem; margin: 1rem 0; }
      .gallery figure { margin: 0; break-inside: avoid; }
      .gallery img { image-rendering: pixelated; }
      .gallery figcaption { text-align: center; font-variant-numeric: tabular-nums; }
      figure { margin: 1.5rem 0; }
      img { display: block; max-width: 100%; height: auto; border-radius: 6px; }
      figure img { width: 100%; }
      .small { image-rendering: pixelated; }
      .rows { display: grid; gap: .75rem; margin: 1.5rem 0; }
      .rows figure { margin: 0; display: grid; grid-template-columns: 8rem 1fr; gap: 1rem;
        align-items: center; break-inside: avoid; }
      .rows figcaption { order: -1; margin: 0; }
      @media (max-width: 40rem) { .rows figure { grid-template-columns: 1fr; gap: .25rem; } }
      figcaption { margin-top: .5rem; font-size: .9rem; color: var(--soft); }
      .wide { overflow-x: auto; margin: 1rem 0; }
      table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
      th, td { padding: .35rem 1.5rem .35rem 0; text-align: left; vertical-align: top;
        border-bottom: 1px solid var(--line); }
      th:last-child, td:last-child { padding-right: 0; }
      th { font-weight: 600; color: var(--soft); }
      .number { text-align: right; white-space: nowrap; }
      pre { white-space: pre-wrap; margin: 1rem 0; padding: 1rem; border-radius: 6px;
        background: var(--card); border-left: 3px solid var(--accent); }
      code { font: .9rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
      @media print {
        :root { --ink: #000; --soft: #444; --line: #ccc; --card: #fff; --page: #fff; }
        main { max-width: none; padding: 0; }
        h2 { break-after: avoid; }
        figure, table { break-inside: avoid; }
      }
      """;
}
