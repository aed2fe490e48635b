package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * The files of a checkpoint besides the network: {@code optimizer.safetensors}, {@code
 * ema.safetensors}, {@code random.safetensors} and {@code progress.json}.
 */
final class TrainingState {
  private static final String OPTIMIZER = "optimizer.safetensors";
  private static final String EMA = "ema.safetensors";
  private static final String RANDOM = "random.safetensors";
  private static final String PROGRESS = "progress.json";

  private record Saved(Progress progress, long emaUpdates) {}

  private TrainingState() {}

  static void save(
      Path folder, Adam optimizer, Optional<Ema> ema, Rng random, Rng dropout, Progress progress) {
    try (Scope scope = Scope.open()) {
      Safetensors.write(folder.resolve(OPTIMIZER), optimizer.state(), Map.of());
      ema.ifPresent(e -> Safetensors.write(folder.resolve(EMA), e.shadow(), Map.of()));
      Safetensors.write(
          folder.resolve(RANDOM),
          Map.of("training", random.state(), "dropout", dropout.state()),
          Map.of());
      JsonFile.write(
          folder.resolve(PROGRESS), new Saved(progress, ema.map(Ema::updates).orElse(0L)));
    }
  }

  static Progress restore(Path folder, Adam optimizer, Optional<Ema> ema, Rng random, Rng dropout) {
    try (Scope scope = Scope.open()) {
      Saved saved = JsonFile.read(folder.resolve(PROGRESS), Saved.class);
      optimizer.restore(read(folder.resolve(OPTIMIZER), optimizer.state()));
      ema.ifPresent(e -> e.restore(read(folder.resolve(EMA), e.shadow()), saved.emaUpdates()));
      Safetensors states = Safetensors.open(folder.resolve(RANDOM));
      random.state(states.tensor("training"));
      dropout.state(states.tensor("dropout"));
      return saved.progress();
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
                + ", which this run does not train: go on with the same --freeze and --train-only");
      }
    }
    expected.forEach(
        (name, tensor) -> {
          if (!saved.containsKey(name) || !Arrays.equals(saved.get(name).shape(), tensor.shape())) {
            throw new SfumatoException(
                file
                    + ": "
                    + name
                    + " does not fit this run: are model, optimizer, --freeze and --train-only the same?");
          }
        });
    return saved;
  }
}
