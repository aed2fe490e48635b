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
  private static final int WIDTH = 760;
  private static final int HEIGHT = 420;
  private static final List<Color> COLORS =
      List.of(
          new Color(0x1F5FA8),
          new Color(0xD9702B),
          new Color(0x3C9A5F),
          new Color(0x8A4FC0),
          new Color(0x555B63));
  private static final BasicStroke SOLID = new BasicStroke(2);
  private static final BasicStroke DASHED =
      new BasicStroke(2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {6, 4}, 0);
  private static final int FIRST_SHARE = 3;
  private static final int LABEL = 110;
  private static final int HEADER = 24;
  private static final int CELL_WIDTH = 70;
  private static final int CELL_HEIGHT = 206;

  private StyleCharts() {}

  /** A row of the table: a way, such as {@code low}, one of its runs, and what was measured. */
  private record Row(
      String way, String run, boolean averaged, int step, double kept, double gained, Path faces) {
    static Row of(Path csv, String line) {
      List<String> cells = List.of(line.split(","));
      String name = String.join("-", cells.subList(0, FIRST_SHARE)) + ".png";
      return new Row(
          cells.get(0).replaceAll("-\\d+$", ""),
          cells.get(0),
          cells.get(1).equals("ema"),
          Integer.parseInt(cells.get(2)),
          cells.subList(FIRST_SHARE, cells.size() - 2).stream()
              .mapToDouble(Double::parseDouble)
              .average()
              .orElseThrow(),
          Double.parseDouble(cells.get(cells.size() - 2)),
          csv.resolveSibling("faces").resolve(name));
    }

    String curve() {
      return run + (averaged ? ", averaged" : "");
    }
  }

  /**
   * Draws {@code gained.png}, the share of new faces in style over the steps, {@code kept.png}, the
   * mean of all other shares over the share gained, and {@code faces.png}: a line for each way, a
   * column for each step. Runs of one way are named {@code low}, {@code low-2} and so on.
   */
  public static void main(String[] args) throws IOException {
    Path csv = Path.of(args[0]);
    List<Row> rows = Files.readAllLines(csv).stream().skip(1).map(l -> Row.of(csv, l)).toList();
    Row base = rows.get(0);
    Map<String, List<Row>> curves = new LinkedHashMap<>();
    rows.stream()
        .skip(1)
        .sorted(
            Comparator.comparing(Row::run).thenComparing(Row::averaged).thenComparing(Row::step))
        .forEach(
            row ->
                curves.computeIfAbsent(row.curve(), x -> new ArrayList<>(List.of(base))).add(row));
    String gained = "new faces in the new style, %";
    draw(
        csv.resolveSibling("gained.png"),
        "optimiser steps",
        gained,
        curves,
        Row::step,
        Row::gained);
    draw(
        csv.resolveSibling("kept.png"),
        gained,
        "old faces as asked, %",
        curves,
        Row::gained,
        Row::kept);
    curves.values().removeIf(points -> last(points).averaged() || !isFirst(last(points)));
    drawFaces(csv.resolveSibling("faces.png"), curves);
  }

  private static Row last(List<Row> points) {
    return points.get(points.size() - 1);
  }

  private static boolean isFirst(Row row) {
    return row.run().equals(row.way());
  }

  /** Draws a colour for each way; averages are dashed, later runs have crosses. */
  private static void draw(
      Path file,
      String xTitle,
      String yTitle,
      Map<String, List<Row>> curves,
      ToDoubleFunction<Row> x,
      ToDoubleFunction<Row> y) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .xAxisTitle(xTitle)
            .yAxisTitle(yTitle)
            .build();
    chart.getStyler().setPlotBorderVisible(false).setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(LegendPosition.OutsideE).setLegendBorderColor(Color.WHITE);
    chart.getStyler().setXAxisDecimalPattern("#,###").setYAxisMin(0.0);
    List<String> ways = curves.values().stream().map(c -> last(c).way()).distinct().toList();
    curves.forEach(
        (name, points) -> {
          Row row = last(points);
          Color color = COLORS.get(ways.indexOf(row.way()) % COLORS.size());
          XYSeries curve =
              chart.addSeries(
                  name,
                  points.stream().mapToDouble(x).toArray(),
                  points.stream().mapToDouble(y).toArray());
          curve.setMarker(isFirst(row) ? SeriesMarkers.CIRCLE : SeriesMarkers.CROSS);
          curve.setMarkerColor(color).setLineColor(color);
          curve.setLineStyle(row.averaged() ? DASHED : SOLID);
        });
    Png.write(file, BitmapEncoder.getBufferedImage(chart));
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
