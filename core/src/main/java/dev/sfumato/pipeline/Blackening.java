package dev.sfumato.pipeline;

import dev.sfumato.clip.SafetyChecker;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Locale;

/** Makes pictures black that a safety checker flags, and says so. */
final class Blackening {
  private static final System.Logger log = System.getLogger(Blackening.class.getName());
  private static final double BLACK = -1;

  private Blackening() {}

  /** Changes {@code pictures} (B, 3, H, W) in place. */
  static void apply(SafetyChecker checker, Tensor pictures, Sampler.Listener listener) {
    List<SafetyChecker.Verdict> verdicts = checker.check(pictures);
    for (int i = 0; i < verdicts.size(); i++) {
      if (verdicts.get(i).isFlagged()) {
        try (Scope scope = Scope.open()) {
          pictures.narrow(0, i, 1).fill_(BLACK);
        }
        listener.onFlagged(i);
        log.log(
            Level.WARNING,
            String.format(
                Locale.ROOT,
                "picture %d of %d is black: the model's safety checker flags it; try another"
                    + " prompt or seed",
                i + 1,
                verdicts.size()));
      }
    }
  }
}
