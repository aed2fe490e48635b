package dev.sfumato.training;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batches;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The state of a training without the network. A checkpoint keeps it in {@code
 * optimizer.safetensors}, {@code ema.safetensors}, {@code random.safetensors} and {@code
 * progress.json}.
 */
record TrainingState(
    Optimizer optimizer,
    Optional<Ema> ema,
    Rng random,
    LossScale scale,
    Batches batches,
    long seed) {
  private static final String OPTIMIZER = "optimizer.safetensors";
  private static final String EMA = "ema.safetensors";
  private static final String RANDOM = "random.safetensors";
  private static final String PROGRESS = "progress.json";

  /**
   * The saved progress; 0 means that batch size or batches of an epoch were not saved, null that
   * the seed was not, or that the loss had no factor.
   */
  private record Saved(
      @JsonProperty(required = true) Progress progress,
      long emaUpdates,
      int batchSize,
      int batchesPerEpoch,
      Long seed,
      @JsonInclude(JsonInclude.Include.NON_NULL) LossScale.State lossScale) {
    Saved {
      if (progress == null || emaUpdates < 0 || batchSize < 0 || batchesPerEpoch < 0) {
        throw new SfumatoException("does not say how far the run is");
      }
    }
  }

  void save(Path folder, Progress progress) {
    try (Scope scope = Scope.open()) {
      Safetensors.write(folder.resolve(OPTIMIZER), optimizer.state(), Map.of());
      ema.ifPresent(e -> Safetensors.write(folder.resolve(EMA), e.shadow(), Map.of()));
      Safetensors.write(folder.resolve(RANDOM), Map.of("training", random.state()), Map.of());
      JsonFile.write(
          folder.resolve(PROGRESS),
          new Saved(
              progress,
              ema.map(Ema::updates).orElse(0L),
              batches.options().batchSize(),
              batches.perEpoch(),
              seed,
              scale.state()));
    }
  }

  /** Restores a state, except for the random numbers if the seed is another. */
  Progress restore(Path folder) {
    try (Scope scope = Scope.open()) {
      Saved saved = JsonFile.read(folder.resolve(PROGRESS), Saved.class);
      requireIsOf(folder, saved.progress());
      if (ema.isPresent() && !Files.exists(folder.resolve(EMA))) {
        throw new SfumatoException(
            folder.resolve(EMA)
                + " is missing: the run kept no moving average, so leave `useEma` out");
      }
      optimizer.restore(read(folder.resolve(OPTIMIZER), optimizer.state()));
      ema.ifPresent(e -> e.restore(read(folder.resolve(EMA), e.shadow()), saved.emaUpdates()));
      if (saved.seed() == null || saved.seed() == seed) {
        random.state(Safetensors.open(folder.resolve(RANDOM)).tensor("training"));
      }
      scale.restore(saved.lossScale());
      requireSameBatches(folder, saved);
      return saved.progress();
    }
  }

  /** Requires that the folder's name has the step. */
  private static void requireIsOf(Path folder, Progress progress) {
    String name = folder.toAbsolutePath().getFileName().toString();
    if (name.matches("step-\\d{6,18}")
        && Long.parseLong(name.substring("step-".length())) != progress.step()) {
      throw new SfumatoException(
          folder.resolve(PROGRESS) + ": is of step " + progress.step() + ", and the folder is not");
    }
  }

  /** Requires the same batches in the middle of an epoch. */
  private void requireSameBatches(Path folder, Saved saved) {
    if (saved.progress().batch() == 0) {
      return;
    }
    int batchSize = batches.options().batchSize();
    if (saved.batchSize() > 0 && saved.batchSize() != batchSize) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s was saved within an epoch in batches of %d pictures, now they have %d: go on with"
                  + " the same `data` and `batchSize` (times the number of processes)",
              folder,
              saved.batchSize(),
              batchSize));
    }
    if (saved.batchesPerEpoch() > 0 && saved.batchesPerEpoch() != batches.perEpoch()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s was saved within an epoch of %d batches, now it has %d: go on with the same"
                  + " `data` and `buckets`",
              folder,
              saved.batchesPerEpoch(),
              batches.perEpoch()));
    }
  }

  private static Map<String, Tensor> read(Path file, Map<String, Tensor> expected) {
    Map<String, Tensor> saved = Safetensors.open(file).tensors();
    for (String name : saved.keySet()) {
      if (!expected.containsKey(name)) {
        throw new SfumatoException(
            file
                + " has "
                + name
                + ", which this run does not train: go on with the same `method`, `optimizer`,"
                + " `trainTextEncoder`, `freeze` and `trainOnly`");
      }
    }
    expected.forEach(
        (name, tensor) -> {
          if (!saved.containsKey(name) || !Arrays.equals(saved.get(name).shape(), tensor.shape())) {
            throw new SfumatoException(
                file
                    + ": "
                    + name
                    + " does not fit this run: are model, `optimizer`, `freeze` and `trainOnly` the same?");
          }
          if (!saved.get(name).isFinite()) {
            throw new SfumatoException(
                file + ": " + name + " holds NaN or infinity: go on from an earlier checkpoint");
          }
        });
    return saved;
  }
}
