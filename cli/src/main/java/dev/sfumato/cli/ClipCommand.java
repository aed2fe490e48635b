package dev.sfumato.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.sfumato.InvalidOptionException;
import dev.sfumato.Printable;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.clip.ClipScores;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sfumato clip}. */
@Command(
    name = "clip",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "Examples:",
      "  sfumato clip --clip models/clip-faces --image face.png --text \"red hair\" \"blue hair\""
    },
    description = "Scores pictures against texts with a CLIP model.")
final class ClipCommand implements Callable<Integer> {
  @Option(
      names = "--clip",
      required = true,
      paramLabel = "DIR|ID",
      description =
          "A CLIP model in the layout of transformers or open_clip, one of OpenAI's files, or a"
              + " Hub id (org/name[@revision]).")
  String clip;

  @Option(
      names = "--image",
      required = true,
      arity = "1..*",
      paramLabel = "FILE",
      description = "Pictures.")
  List<Path> images;

  @Option(
      names = "--text",
      required = true,
      arity = "1..*",
      paramLabel = "TEXT",
      description = "Texts; the probabilities of a picture add up to 1 over them.")
  List<String> texts;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  @Mixin ComputeOptions compute;

  @Override
  public Integer call() throws JsonProcessingException {
    Device device = compute.apply();
    Path files = Downloads.clip(clip);
    try (ClipModel model =
        StepProgress.during("load the CLIP model", () -> ClipModel.load(files))) {
      texts.forEach(text -> requireWords(model, text));
      compute.place(model, device);
      ClipScores scores = StepProgress.during("score", () -> ClipScores.of(model, images, texts));
      if (json) {
        System.out.println(JsonFile.MAPPER.writeValueAsString(scores));
      } else {
        print(scores);
      }
    }
    return 0;
  }

  private void requireWords(ClipModel model, String text) {
    if (model.tokenizer().tokenize(text).isEmpty()) {
      throw new InvalidOptionException("--text '" + text + "' has no words to compare");
    }
  }

  private static void print(ClipScores scores) {
    System.out.println("similarity  probability  text");
    for (int i = 0; i < scores.images().size(); i++) {
      System.out.println(Printable.of(scores.images().get(i)));
      for (int j = 0; j < scores.texts().size(); j++) {
        System.out.printf(
            Locale.ROOT,
            "%10.4f  %9.2f %%  %s%n",
            scores.similarity()[i][j],
            100 * scores.probability()[i][j],
            Printable.of(scores.texts().get(j)));
      }
    }
  }
}
