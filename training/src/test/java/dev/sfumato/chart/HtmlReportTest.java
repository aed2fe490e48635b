package dev.sfumato.chart;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.chart.HtmlReport.Commands;
import dev.sfumato.chart.HtmlReport.Gallery;
import dev.sfumato.chart.HtmlReport.Heading;
import dev.sfumato.chart.HtmlReport.Lead;
import dev.sfumato.chart.HtmlReport.Paragraph;
import dev.sfumato.chart.HtmlReport.Picture;
import dev.sfumato.chart.HtmlReport.Settings;
import dev.sfumato.chart.HtmlReport.Table;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HtmlReportTest {
  private static final String NASTY = "<script>alert(\"1\")</script> & 'co'";
  private static final String ESCAPED =
      "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;";

  private final BufferedImage image = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);

  @Test
  void escapesEveryText() {
    String html =
        new HtmlReport(
                NASTY,
                List.of(
                    new Heading(NASTY),
                    new Lead(NASTY),
                    new Paragraph(NASTY),
                    new Settings(Map.of(NASTY, NASTY)),
                    Picture.of(image, NASTY),
                    new Gallery(List.of(Picture.of(image, NASTY))),
                    new Table(List.of(NASTY), List.of(List.of(NASTY))),
                    new Commands(NASTY.replace(' ', '_'))))
            .html();
    assertThat(html).doesNotContain("<script");
    // Title and headline, heading, lead, paragraph, name and value, alt and caption twice, two
    // cells.
    assertThat(html.split(Pattern.quote(ESCAPED), -1)).hasLength(1 + 13);
    assertThat(html).contains("<code><span>" + ESCAPED.replace(' ', '_') + "</span></code>");
  }

  @Test
  void holdsItsPicturesAndNoLinks() throws IOException {
    String html = new HtmlReport("t", List.of(Picture.of(image, "three by two"))).html();
    Matcher source = Pattern.compile("src=\"data:image/png;base64,([^\"]+)\"").matcher(html);
    assertThat(source.find()).isTrue();
    byte[] png = Base64.getDecoder().decode(source.group(1));
    assertThat(ImageIO.read(new ByteArrayInputStream(png)).getWidth()).isEqualTo(3);
    assertThat(html).doesNotContainMatch("https?:|<script|<link|url\\(|@import");
  }

  @Test
  void keepsTheOrderOfSectionsAndSettings() {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("zeta", "1");
    settings.put("alpha", "2");
    String html =
        new HtmlReport("t", List.of(new Settings(settings), new Paragraph("after"))).html();
    assertThat(html)
        .containsMatch("(?s)<dt>zeta</dt><dd>1</dd>.*<dt>alpha</dt><dd>2</dd>.*<p>after</p>");
  }

  @Test
  void setsColumnsOfNumbersFlushRight() {
    String html =
        new HtmlReport(
                "t",
                List.of(
                    new Table(
                        List.of("label", "share"),
                        List.of(
                            List.of("3", "97.5 %"),
                            List.of("four", "-1.2e-3"),
                            List.of("five", "")))))
            .html();
    assertThat(html).contains("<tr><td>3</td><td class=\"number\">97.5 %</td></tr>");
    assertThat(html).contains("<th class=\"number\">share</th>");
  }

  @Test
  void readsPictureFilesAndRefusesOthers(@TempDir Path folder) throws IOException {
    Path gif = folder.resolve("a.gif");
    ImageIO.write(image, "gif", gif.toFile());
    assertThat(new HtmlReport("t", List.of(Picture.read(gif, "c"))).html())
        .contains("data:image/gif;base64,");
    Path text = Files.writeString(folder.resolve("a.txt"), "no");
    assertThat(assertThrows(SfumatoException.class, () -> Picture.read(text, "c")))
        .hasMessageThat()
        .contains("a.txt");
    assertThat(
            assertThrows(
                SfumatoException.class, () -> Picture.read(folder.resolve("gone.png"), "c")))
        .hasMessageThat()
        .contains("gone.png");
  }

  @Test
  void aWordOfACommandIsNotBroken() {
    String html = new HtmlReport("t", List.of(new Commands("a --batch-size 2\n  b"))).html();
    assertThat(html)
        .contains(
            "<span>a</span> <span>--batch-size</span> <span>2</span>\n  <span>b</span></code>");
    assertThat(html).contains("pre span { display: inline-block");
  }

  @Test
  void aChartFollowsADarkPage(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("loss.png");
    ImageIO.write(image, "png", file.toFile());
    assertThat(new HtmlReport("t", List.of(Picture.chart(file, "c"))).html())
        .contains("<img class=\"chart\"");
    assertThat(new HtmlReport("t", List.of(Picture.read(file, "c"))).html())
        .doesNotContain("<img class=\"chart\"");
  }

  @Test
  void refusesARaggedTable() {
    assertThrows(SfumatoException.class, () -> new Table(List.of("a", "b"), List.of(List.of("1"))));
  }

  @Test
  void writesUtf8(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("report.html");
    new HtmlReport("Zürich \u2192 60 %", List.of()).write(file);
    assertThat(Files.readString(file)).contains("<title>Zürich \u2192 60 %</title>");
  }
}
