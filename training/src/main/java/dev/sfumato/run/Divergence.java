package dev.sfumato.run;

import dev.sfumato.training.Trainer;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Tells users how to go on after a step with numbers that are NaN or infinite.
 *
 * @param facts the run
 * @param trainer the state before the step that was not taken
 */
record Divergence(RunFacts facts, Trainer trainer) {
  /** Returns the way on from the checkpoint {@code last}, which holds the state before the step. */
  String from(Path last) {
    return String.format(
        Locale.ROOT,
        "; %s holds all before it: %sgo on with `resume` and another `seed`, which draws other"
            + " noise%s",
        last.getFileName(),
        trainer.progress().step() == 0 ? "" : "if the loss had grown, " + back(last) + ", else ",
        switch (facts.pipeline().precision()) {
          case FP32 -> "";
          case BF16 -> ", or with `precision` fp32";
          case FP16 -> ", or with `precision` bf16 or fp32";
        });
  }

  private String back(Path last) {
    String start =
        facts.output().checkpoints().stream().anyMatch(checkpoint -> !checkpoint.equals(last))
            ? "resume from an earlier checkpoint with "
            : "start anew with `overwrite` and ";
    return start + gentler();
  }

  /** Returns the way on if {@code wrong} is not finite, so that no checkpoint was written. */
  String without(String wrong) {
    Optional<Path> last = facts.output().latestCheckpoint();
    return "; "
        + wrong
        + " is not finite any more, so no checkpoint was written: "
        + last.map(path -> "`resume` goes on from " + path.getFileName() + "; use ")
            .orElse("start anew with `overwrite` and ")
        + gentler();
  }

  private String gentler() {
    double most = ((Number) facts.options().get("max_grad_norm")).doubleValue();
    String rate = "a lower `learningRate`";
    return most > 0 && most <= 1 ? rate : rate + " and `maxGradNorm` 1";
  }
}
