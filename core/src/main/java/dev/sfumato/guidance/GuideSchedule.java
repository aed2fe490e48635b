package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The course of a guide's weight over a sampling. */
@FunctionalInterface
public interface GuideSchedule {
  /** 1 at every step. */
  GuideSchedule CONSTANT = (run, step) -> 1;

  /** sqrt(1 - alphaCumprod): the share of noise, falling from about 1 to about 0. */
  GuideSchedule SQRT_ONE_MINUS_ALPHA_CUMPROD = (run, step) -> Math.sqrt(1 - run.alphaCumprod(step));

  /** sigma^2 = (1 - alphaCumprod) / alphaCumprod: the variance of the noise beside that of x_0. */
  GuideSchedule SIGMA_SQUARED =
      (run, step) -> (1 - run.alphaCumprod(step)) / run.alphaCumprod(step);

  /** Rises evenly from 0 at the first step to 1 at the last. */
  GuideSchedule LINEAR_UP = (run, step) -> place(step);

  /** Falls evenly from 1 at the first step to 0 at the last. */
  GuideSchedule LINEAR_DOWN = (run, step) -> 1 - place(step);

  /** Returns the factor of the guide's scale at {@code step}. */
  double weight(Run run, Step step);

  /**
   * Makes a schedule of one number for each step, in the order of sampling.
   *
   * @param source the name of the numbers in messages
   */
  static GuideSchedule of(List<Double> numbers, String source) {
    List<Double> copy = List.copyOf(numbers);
    return (run, step) -> {
      if (copy.size() != step.count()) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: holds %d numbers, but the sampling has %d steps: give one for each",
                source,
                copy.size(),
                step.count()));
      }
      return copy.get(step.index());
    };
  }

  /**
   * Reads {@code constant}, {@code sqrt_one_minus_alpha_cumprod}, {@code sigma_squared}, {@code
   * linear_up}, {@code linear_down}, or the name of a file of numbers, one for each step, between
   * commas or spaces.
   *
   * @throws SfumatoException if the name is neither a schedule nor a file, or the file is not a
   *     schedule
   */
  static GuideSchedule parse(String text) {
    return switch (text) {
      case "constant" -> CONSTANT;
      case "sqrt_one_minus_alpha_cumprod" -> SQRT_ONE_MINUS_ALPHA_CUMPROD;
      case "sigma_squared" -> SIGMA_SQUARED;
      case "linear_up" -> LINEAR_UP;
      case "linear_down" -> LINEAR_DOWN;
      default -> of(numbers(Path.of(text)), text);
    };
  }

  private static List<Double> numbers(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new SfumatoException(
          "schedule '"
              + file
              + "' is unknown: use constant, sqrt_one_minus_alpha_cumprod, sigma_squared,"
              + " linear_up, linear_down"
              + " or a file of numbers");
    }
    try {
      return Stream.of(Files.readString(file).strip().split("[\\s,]+"))
          .map(word -> number(file, word))
          .toList();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read as text", e);
    }
  }

  private static double number(Path file, String word) {
    try {
      double number = Double.parseDouble(word);
      if (Double.isFinite(number)) {
        return number;
      }
    } catch (NumberFormatException e) {
      // The error below covers it.
    }
    throw new SfumatoException(file + ": '" + word + "' is not a number");
  }

  /** Returns the part of the run, 0 at the first step and 1 at the last. */
  static double place(Step step) {
    return step.count() == 1 ? 1 : (double) step.index() / (step.count() - 1);
  }
}
