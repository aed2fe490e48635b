package dev.sfumato.studio;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.run.Method;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * An order to fine-tune. Each component that is null takes the default of fine-tuning.
 *
 * @param name of the run, a folder below {@code runs}
 * @param model to start from
 * @param data to train on
 * @param steps of the optimiser in all
 * @param batchSize pictures in a batch
 * @param learningRate of the optimiser; if null, the usual one of the method
 * @param sampleEvery steps between grids of samples
 * @param seed of all random numbers
 * @param method what learns of a text-to-image model, by its name on the command line
 * @param rank of a LoRA
 * @param prompt the text of pictures that have none
 * @param word the new word of textual inversion
 * @param like a known word to start from
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
    Long seed,
    String method,
    Integer rank,
    String prompt,
    String word,
    String like) {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,60}");

  /**
   * Checks what no other part checks.
   *
   * @throws SfumatoException if the name suits no folder, the run has no end, or the method is
   *     unknown or lacks its words
   */
  Fitting {
    if (name == null || !NAME.matcher(name).matches()) {
      throw new SfumatoException("name the run with letters, digits, dots and dashes");
    }
    if (steps < 1) {
      throw new SfumatoException("train at least 1 step, not " + steps);
    }
    learns(method, rank, word, like);
  }

  /** Returns what learns, if that was chosen. */
  Optional<Method> learns() {
    return learns(method, rank, word, like);
  }

  private static Optional<Method> learns(String method, Integer rank, String word, String like) {
    return Optional.ofNullable(method)
        .map(
            name ->
                switch (kind(name)) {
                  case FULL -> Method.full();
                  case LORA ->
                      Method.lora(
                          rank == null
                              ? LoraOptions.defaults()
                              : LoraOptions.defaults().withRank(rank));
                  case TEXTUAL_INVERSION -> Method.textualInversion(word(word, like));
                });
  }

  private static Method.Kind kind(String name) {
    return Arrays.stream(Method.Kind.values())
        .filter(kind -> kind.toString().equals(name))
        .findFirst()
        .orElseThrow(() -> new SfumatoException("the method '" + name + "' is unknown"));
  }

  private static Method.Word word(String word, String like) {
    if (word == null || word.isBlank() || like == null || like.isBlank()) {
      throw new SfumatoException("give the new word, and a known word that it starts from");
    }
    return new Method.Word(word.strip(), like.strip(), 1);
  }
}
