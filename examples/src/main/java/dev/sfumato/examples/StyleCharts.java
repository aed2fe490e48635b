package dev.sfumato.examples;

import dev.sfumato.picture.Png;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws the curves of MeasureStyle: STYLE.CSV. The charts are written beside it. */
public final class StyleCharts {
  private static final String AVERAGED = ", averaged";
  private static final int WIDTH = 760;
  private static final int HEIGHT = 420;
  private static final List<Color> COLORS =
      List.of(
          new Color(0x1F5FA8),
          new Color(0xD9702B),
          new Color(0x3C9A5F),
          new Color(0x8A4FC0),
          new Color(0x555B63));
  private static final int LABEL = 110;
  private static final int HEADER = 24;
  private static final int CELL_WIDTH = 70;
  private static final int CELL_HEIGHT = 138;

  private StyleCharts() {}

  /** A row of the table. */
  private record Row(String curve, int step, double kept, double gained, Path faces) {
    static Row of(Path csv, String line) {
      String[] cells = line.split(",");
      String name = String.join("-", List.of(cells).subList(0, 3)) + ".png";
      double sum = 0;
      for (int i = 3; i < 7; i++) {
        sum += Double.parseDouble(cells[i]);
      }
      return new Row(
          cells[0] + (cells[1].equals("ema") ? AVERAGED : ""),
          Integer.parseInt(cells[2]),
          sum / 4,
          Double.parseDouble(cells[7]),
          csv.resolveSibling("faces").resolve(name));
    }
  }

  /**
   * Draws {@code kept.png}, the mean of the four answers, {@code gained.png}, and {@code
   * faces.png}: a line for each curve, a column for each step.
   */
  public static void main(String[] args) throws IOException {
    Path csv = Path.of(args[0]);
    List<Row> rows = Files.readAllLines(csv).stream().skip(1).map(l -> Row.of(csv, l)).toList();
    Row base = rows.get(0);
    Map<String, List<Row>> curves = new LinkedHashMap<>();
    rows.stream()
        .skip(1)
        .sorted(Comparator.comparingInt(Row::step))
        .sorted(Comparator.comparing(Row::curve))
        .forEach(
            row ->
                curves.computeIfAbsent(row.curve(), x -> new ArrayList<>(List.of(base))).add(row));
    draw(csv.resolveSibling("kept.png"), "old faces as asked, %", curves, Row::kept);
    draw(csv.resolveSibling("gained.png"), "new faces in the new style, %", curves, Row::gained);
    drawFaces(csv.resolveSibling("faces.png"), curves);
  }

  private static void draw(
      Path file, String title, Map<String, List<Row>> curves, ToDoubleFunction<Row> value) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .xAxisTitle("optimiser steps")
            .yAxisTitle(title)
            .build();
    chart.getStyler().setPlotBorderVisible(false).setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(LegendPosition.OutsideE).setLegendBorderColor(Color.WHITE);
    chart.getStyler().setXAxisDecimalPattern("#,###").setYAxisMin(0.0);
    List<String> runs = curves.keySet().stream().map(StyleCharts::run).distinct().toList();
    curves.forEach(
        (name, points) -> {
          Color color = COLORS.get(runs.indexOf(run(name)) % COLORS.size());
          XYSeries curve =
              chart.addSeries(
                  name,
                  points.stream().mapToDouble(Row::step).toArray(),
                  points.stream().mapToDouble(value).toArray());
          curve.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(color).setLineColor(color);
          if (!name.equals(run(name))) {
            curve.setLineStyle(
                new BasicStroke(
                    2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {6, 4}, 0));
          }
        });
    Png.write(file, BitmapEncoder.getBufferedImage(chart));
  }

  /** Returns the run of a curve. */
  private static String run(String curve) {
    return curve.replace(AVERAGED, "");
  }

  private static void drawFaces(Path file, Map<String, List<Row>> curves) throws IOException {
    List<Integer> steps =
        curves.values().stream().flatMap(List::stream).map(Row::step).distinct().sorted().toList();
    BufferedImage image =
        new BufferedImage(
            LABEL + steps.size() * CELL_WIDTH,
            HEADER + curves.size() * CELL_HEIGHT,
            BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = image.createGraphics();
    canvas.setColor(Color.WHITE);
    canvas.fillRect(0, 0, image.getWidth(), image.getHeight());
    canvas.setColor(Color.BLACK);
    canvas.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    for (int i = 0; i < steps.size(); i++) {
      canvas.drawString(steps.get(i) + " steps", LABEL + i * CELL_WIDTH, HEADER - 6);
    }
    int top = HEADER;
    for (Map.Entry<String, List<Row>> curve : curves.entrySet()) {
      canvas.drawString(curve.getKey(), 4, top + CELL_HEIGHT / 2);
      for (Row row : curve.getValue()) {
        int left = LABEL + steps.indexOf(row.step()) * CELL_WIDTH;
        canvas.drawImage(ImageIO.read(row.faces().toFile()), left, top, null);
      }
      top += CELL_HEIGHT;
    }
    canvas.dispose();
    Png.write(file, image);
  }
}
