package dev.sfumato.examples;

import dev.sfumato.run.Training;
import dev.sfumato.run.TrainingResult;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Path;

/** Fine-tunes a model on a folder of pictures and prints its progress. */
public final class FineTune {
  private FineTune() {}

  /**
   * Trains; the arguments are a model directory or an id of the Hub, pictures, a directory to
   * write, and the number of steps.
   */
  public static void main(String[] args) {
    Path output = Path.of(args[2]);
    TrainingResult result =
        Training.fineTuning(args[0], args[1], output)
            .withOptions(TrainingOptions.fineTuning().withMaxSteps(Long.parseLong(args[3])))
            .run(step -> System.out.println("step " + step.step() + ": loss " + step.loss()));
    System.out.println(result.progress().images() + " pictures seen; " + output + "/report.html");
  }
}
