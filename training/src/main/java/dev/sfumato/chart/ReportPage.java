package dev.sfumato.chart;

import dev.sfumato.SfumatoException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;

/** The HTML of a report. */
final class ReportPage {
  /** The widest that a picture is shown, in pixels. */
  private static final int COLUMN = 856;

  private static final Pattern NUMBER =
      Pattern.compile(
          "[-+\u2212]?[\\d][\\d.,\u2009 ]*([eE][-+]?\\d+)?\\s?(%|x|ms|s|MB|GB|MiB|GiB)?");

  private static final String STYLE = style();

  private ReportPage() {}

  private static String style() {
    try (InputStream in = ReportPage.class.getResourceAsStream("report.css")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new SfumatoException("this build of Sfumato lacks report.css", e);
    }
  }

  /** Returns the page as text. */
  static String html(HtmlReport report) {
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
        escaped(report.title()),
        STYLE,
        escaped(report.title()),
        report.sections().stream().map(ReportPage::html).collect(Collectors.joining("\n")));
  }

  private static String html(HtmlReport.Section section) {
    if (section instanceof HtmlReport.Heading heading) {
      return "<h2>" + escaped(heading.text()) + "</h2>";
    } else if (section instanceof HtmlReport.Lead lead) {
      return "<p class=\"lead\">" + escaped(lead.text()) + "</p>";
    } else if (section instanceof HtmlReport.Paragraph paragraph) {
      return "<p>" + escaped(paragraph.text()) + "</p>";
    } else if (section instanceof HtmlReport.Settings settings) {
      return settings.values().entrySet().stream()
          .map(e -> "<dt>" + escaped(e.getKey()) + "</dt><dd>" + escaped(e.getValue()) + "</dd>")
          .map(row -> "<div>" + row + "</div>")
          .collect(Collectors.joining("\n", "<dl>\n", "\n</dl>"));
    } else if (section instanceof HtmlReport.Picture picture) {
      return html(picture);
    } else if (section instanceof HtmlReport.Gallery gallery) {
      return html("gallery", gallery.pictures());
    } else if (section instanceof HtmlReport.Rows rows) {
      return html("rows", rows.pictures());
    } else if (section instanceof HtmlReport.Table table) {
      return html(table);
    } else {
      return html((HtmlReport.Commands) section);
    }
  }

  /** Spans keep a browser from breaking a line after the hyphen of an option. */
  private static String html(HtmlReport.Commands commands) {
    String words = escaped(commands.text()).replaceAll("\\S+", "<span>$0</span>");
    return "<pre><code>" + words + "</code></pre>";
  }

  private static String html(String kind, List<HtmlReport.Picture> pictures) {
    return pictures.stream()
        .map(ReportPage::html)
        .collect(Collectors.joining("\n", "<div class=\"" + kind + "\">\n", "\n</div>"));
  }

  private static String html(HtmlReport.Picture picture) {
    String caption = escaped(picture.caption());
    return String.format(
        Locale.ROOT,
        "<figure><img%s alt=\"%s\" src=\"data:%s;base64,%s\"><figcaption>%s</figcaption></figure>",
        picture.chart() ? " class=\"chart\"" : isSmall(picture.file()) ? " class=\"small\"" : "",
        caption,
        HtmlReport.mediaType(picture.file()).orElseThrow(),
        Base64.getEncoder().encodeToString(picture.file()),
        caption);
  }

  /** Returns true if a picture is enlarged to the column, where its pixels must stay sharp. */
  private static boolean isSmall(byte[] file) {
    try {
      BufferedImage image = ImageIO.read(new ByteArrayInputStream(file));
      return image != null && image.getWidth() < COLUMN;
    } catch (IOException e) {
      return false; // a browser shows what it can
    }
  }

  private static String html(HtmlReport.Table table) {
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

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }
}
