package dev.sfumato.studio;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.sfumato.SfumatoException;
import java.util.regex.Pattern;

/**
 * An order to fine-tune. Each component that is null takes the default of fine-tuning.
 *
 * @param name of the run, a folder below {@code runs}
 * @param model to start from
 * @param data to train on
 * @param steps of the optimiser in all
 * @param batchSize pictures in a batch
 * @param learningRate of the optimiser
 * @param sampleEvery steps between grids of samples
 * @param seed of all random numbers
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Fitting(
    String name,
    String model,
    String data,
    int steps,
    Integer batchSize,
    Double learningRate,
    Integer sampleEvery,
    Long seed) {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,60}");

  /**
   * Checks what no other part checks.
   *
   * @throws SfumatoException if the name is not that of a folder, or there is no end
   */
  Fitting {
    if (name == null || !NAME.matcher(name).matches()) {
      throw new SfumatoException("name the run with letters, digits, dots and dashes");
    }
    if (steps < 1) {
      throw new SfumatoException("train at least 1 step, not " + steps);
    }
  }
}
