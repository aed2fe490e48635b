package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.data.BatchOptions;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.training.Captioned;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Methods one after another on a model in memory. */
class MethodsInTurnTest {
  @TempDir Path folder;

  @Test
  void aWordIsTakenOutAfterItsRun() throws Exception {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      run(pipeline, "one", word("<one>", 1));
      run(pipeline, "two", word("<two>", 2));
      run(pipeline, "again", word("<one>", 1));
      run(pipeline, "full", Method.full());
    }
    String file = "learned_embeds.safetensors";
    assertThat(Files.mismatch(folder.resolve("one/" + file), folder.resolve("again/" + file)))
        .isEqualTo(-1);
    assertThat(Files.exists(folder.resolve("full/unet/config.json"))).isTrue();
  }

  private static Method word(String token, int vectors) {
    return Method.textualInversion(new Method.Word(token, "a", vectors));
  }

  private void run(StableDiffusionPipeline pipeline, String output, Method method) {
    Captioned pictures = Captioned.random(List.of("a <one> rose", "a <two> rose"), 16, 7);
    Training.of(pipeline, pictures, folder.resolve(output))
        .withMethod(method)
        .withOptions(TrainingOptions.fineTuning().withMaxSteps(2))
        .withBatches(BatchOptions.fineTuning())
        .withWatch(WatchOptions.quiet())
        .run(report -> {});
  }
}
