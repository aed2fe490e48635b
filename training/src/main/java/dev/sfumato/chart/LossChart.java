package dev.sfumato.chart;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Png;
import java.awt.AWTError;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Draws the loss of a training run over optimiser steps: every step pale, the mean of the last 100
 * steps bold, the validation loss beside them. The loss axis is logarithmic when the mean falls by
 * more than a factor of ten.
 */
public final class LossChart {
  /** The number of steps in the bold line's mean. */
  public static final int WINDOW = 100;

  /** The size of a loss from which the library searches for ever for labels with a pattern. */
  private static final double ORDINARY = 1e6;

  private static final int WIDTH = 1000;
  private static final int HEIGHT = 560;
  private static final int MOST_EVEN_STEPS = 10;
  private static final int MOST_POINTS = 4 * WIDTH;
  private static final double LOGARITHMIC_FROM = 10;

  private static final Color EVERY_STEP = new Color(0xB3CBE6);
  private static final Color MEAN = new Color(0x1F5FA8);
  private static final Color VALIDATION = new Color(0xD9702B);
  private static final Color INK = new Color(0x333A42);
  private static final Color GRID = new Color(0xE6E9ED);

  private LossChart() {}

  /**
   * A measured loss.
   *
   * @param step the optimiser step after which it was measured
   */
  public record Point(long step, double loss) {}

  /**
   * Draws the chart and saves it as PNG, atomically.
   *
   * @throws SfumatoException if it cannot be drawn or written
   */
  public static void write(Path file, List<Point> training, List<Point> validation) {
    Png.write(file, draw(training, validation));
  }

  /**
   * Draws the chart. Losses that are NaN or beyond float32 are left out.
   *
   * @param training in the order of steps; may be empty
   * @param validation in the order of steps; may be empty
   * @throws SfumatoException if this Java installation cannot draw text
   */
  public static BufferedImage draw(List<Point> training, List<Point> validation) {
    try {
      return BitmapEncoder.getBufferedImage(chart(finite(training), finite(validation)));
    } catch (InternalError | LinkageError | AWTError e) {
      throw new SfumatoException(
          "cannot draw the loss chart: Java finds no fonts or display;"
              + " install fontconfig with a font and run with -Djava.awt.headless=true",
          e);
    }
  }

  private static XYChart chart(List<Point> training, List<Point> validation) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .xAxisTitle("optimiser step")
            .yAxisTitle("loss")
            .build();
    List<Point> mean = trailingMean(training);
    style(chart.getStyler());
    addLine(chart, "every step", training, EVERY_STEP, 1.2f);
    addLine(chart, "mean of the last " + WINDOW, mean, MEAN, 2.4f);
    addLine(chart, "validation", validation, VALIDATION, 2.4f);
    scale(chart.getStyler(), training, mean, validation);
    return chart;
  }

  private static void style(XYStyler style) {
    style.setLocale(Locale.ROOT);
    style.setBaseFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
    style.setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14));
    style.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    style.setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
    style.setChartFontColor(INK).setChartBackgroundColor(Color.WHITE).setChartPadding(16);
    style.setPlotBackgroundColor(Color.WHITE).setPlotBorderVisible(false);
    style.setPlotGridLinesColor(GRID).setPlotGridLinesStroke(new BasicStroke(1f));
    style.setPlotGridVerticalLinesVisible(false);
    style.setAxisTicksMarksVisible(false).setAxisTickLabelsColor(INK);
    style.setLegendPosition(LegendPosition.OutsideS).setLegendLayout(LegendLayout.Horizontal);
    style.setLegendBorderColor(Color.WHITE).setLegendSeriesLineLength(24);
    style.setAntiAlias(true).setTextAntiAlias(true);
    style.setXAxisDecimalPattern("#,###").setXAxisMin(0.0).setPlotContentSize(0.97);
    style.setXAxisTickMarkSpacingHint(100).setYAxisTickMarkSpacingHint(56);
  }

  private static void addLine(
      XYChart chart, String name, List<Point> points, Color color, float thickness) {
    if (points.isEmpty()) {
      return;
    }
    List<Point> shown = thinned(points);
    chart
        .addSeries(
            name,
            unevenly(shown.stream().mapToDouble(Point::step).toArray()),
            shown.stream().mapToDouble(Point::loss).toArray())
        .setMarker(shown.size() == 1 ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE)
        .setMarkerColor(color)
        .setLineColor(color)
        .setLineStyle(new BasicStroke(thickness, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
  }

  /** Moves one step a little; with evenly spaced steps the labels would touch. */
  private static double[] unevenly(double[] steps) {
    if (steps.length > MOST_EVEN_STEPS) {
      steps[1] += (steps[2] - steps[1]) / 20;
    }
    return steps;
  }

  private static void scale(
      XYStyler style, List<Point> training, List<Point> mean, List<Point> validation) {
    double least = Math.min(least(training), least(validation));
    double greatest = Math.max(greatest(training), greatest(validation));
    if (least > 0 && greatest(mean) > LOGARITHMIC_FROM * least(mean)) {
      style.setYAxisLogarithmic(true).setYAxisLogarithmicDecadeOnly(false);
      style.setYAxisTickLabelsFormattingFunction(LossChart::decadeLabel);
    } else if (least >= 0) {
      style.setYAxisMin(0.0);
    }
    if (least > -ORDINARY && greatest < ORDINARY) {
      style.setYAxisDecimalPattern("0.#####");
    }
  }

  /** Returns the label of a decade's lines 1, 2 and 5. */
  private static String decadeLabel(double value) {
    BigDecimal rounded = new BigDecimal(value).round(new MathContext(1)).stripTrailingZeros();
    boolean shown = "1 2 5".contains(rounded.unscaledValue().toString());
    boolean large = Math.abs(Math.log10(value)) > 6;
    return !shown ? "" : large ? rounded.toString() : rounded.toPlainString();
  }

  private static double least(List<Point> points) {
    return points.stream().mapToDouble(Point::loss).min().orElse(Double.POSITIVE_INFINITY);
  }

  private static double greatest(List<Point> points) {
    return points.stream().mapToDouble(Point::loss).max().orElse(Double.NEGATIVE_INFINITY);
  }

  private static List<Point> finite(List<Point> points) {
    return points.stream().filter(point -> Float.isFinite((float) point.loss())).toList();
  }

  private static List<Point> trailingMean(List<Point> points) {
    List<Point> means = new ArrayList<>();
    double sum = 0;
    for (int i = 0; i < points.size(); i++) {
      sum += points.get(i).loss() - (i < WINDOW ? 0 : points.get(i - WINDOW).loss());
      means.add(new Point(points.get(i).step(), sum / Math.min(i + 1, WINDOW)));
    }
    return means;
  }

  /**
   * Keeps the least and greatest of every few points, so that a long run is drawn quickly and looks
   * the same.
   */
  private static List<Point> thinned(List<Point> points) {
    int stride = (2 * points.size() + MOST_POINTS - 1) / MOST_POINTS;
    if (stride <= 2) {
      return points;
    }
    List<Point> kept = new ArrayList<>();
    for (int start = 0; start < points.size(); start += stride) {
      Point low = points.get(start);
      Point high = low;
      for (Point point : points.subList(start, Math.min(start + stride, points.size()))) {
        low = point.loss() < low.loss() ? point : low;
        high = point.loss() > high.loss() ? point : high;
      }
      kept.add(low.step() < high.step() ? low : high);
      kept.add(low.step() < high.step() ? high : low);
    }
    return kept;
  }
}
