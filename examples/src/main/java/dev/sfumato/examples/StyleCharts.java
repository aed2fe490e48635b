package dev.sfumato.examples;

import dev.sfumato.picture.Png;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
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

  private StyleCharts() {}

  /** A row of the table. */
  private record Row(String curve, double step, double kept, double distance) {
    static Row of(String line) {
      String[] cells = line.split(",");
      double sum = 0;
      for (int i = 3; i < 6; i++) {
        sum += Double.parseDouble(cells[i]);
      }
      return new Row(
          cells[0] + (cells[1].equals("ema") ? ", averaged" : ""),
          Double.parseDouble(cells[2]),
          sum / 3,
          Double.parseDouble(cells[6]));
    }
  }

  /** Draws {@code kept.png}, the mean of the three answers, and {@code distance.png}. */
  public static void main(String[] args) throws IOException {
    Path csv = Path.of(args[0]);
    List<Row> rows = Files.readAllLines(csv).stream().skip(1).map(Row::of).toList();
    draw(csv.resolveSibling("kept.png"), "old faces as asked, %", rows, Row::kept);
    draw(csv.resolveSibling("distance.png"), "distance to the new style", rows, Row::distance);
  }

  private static void draw(Path file, String title, List<Row> rows, ToDoubleFunction<Row> value) {
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
    Map<String, List<Row>> curves = new LinkedHashMap<>();
    rows.stream()
        .skip(1)
        .forEach(row -> curves.computeIfAbsent(row.curve(), x -> start(rows.get(0))).add(row));
    curves.forEach(
        (name, points) -> {
          XYSeries curve =
              chart.addSeries(
                  name,
                  points.stream().mapToDouble(Row::step).toArray(),
                  points.stream().mapToDouble(value).toArray());
          curve.setMarker(SeriesMarkers.CIRCLE);
          if (name.endsWith("averaged")) {
            curve.setLineStyle(
                new BasicStroke(
                    2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {6, 4}, 0));
          }
        });
    Png.write(file, BitmapEncoder.getBufferedImage(chart));
  }

  private static List<Row> start(Row base) {
    return new ArrayList<>(List.of(base));
  }
}
