package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code finetune} from files as model sites hand them out. */
class OneFileFinetuneTest {
  @TempDir Path folder;
  private Path model;
  private Path run;

  @BeforeEach
  void writeModelAndPictures() throws IOException {
    model = folder.resolve("model.safetensors");
    run = folder.resolve("run");
    Path directory = TinyStableDiffusion.write(folder.resolve("directory"), "sd1");
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(directory)) {
      pipeline.save(model, DType.FLOAT16);
    }
    Calls.pictures(folder.resolve("data"), 4);
  }

  private Calls.Result finetune(Path to, String more, Object... places) {
    List<Object> all = new ArrayList<>(List.of(model, folder.resolve("data"), to));
    all.addAll(List.of(places));
    return Calls.run(
        "finetune --model %s --data %s --output %s --batch-size 2 --sample-count 0 --log csv"
            + " --instance-prompt rose --resolution 16 --learning-rate 1e-2 "
            + more,
        all.toArray());
  }

  @Test
  void aLoraOfAFileIsLookedAtAndDrawnWith() throws IOException {
    finetune(run, "--max-steps 1 --vae %s --lora-rank 2", folder.resolve("directory")).succeeds();
    Map<?, ?> settings = JsonFile.read(run.resolve("config.json"), Map.class);
    assertThat(settings.get("model")).isEqualTo(model.toString());
    assertThat(settings.get("vae")).isEqualTo(folder.resolve("directory").toString());
    String card = Files.readString(run.resolve("README.md"));
    assertThat(card).contains(".from_single_file(\"model.safetensors\")");
    assertThat(card).contains("--model model.safetensors --vae directory --prediction-type");
    assertThat(card)
        .contains("pipe.vae = AutoencoderKL.from_pretrained(\"directory\", subfolder=\"vae\")");
    assertThat(Calls.run("inspect %s", run).succeeds().out()).contains("LoRA");
    Calls.run(
            "sample --model %s --lora %s --prompt rose --steps 1 --out %s",
            model, run, folder.resolve("a.png"))
        .succeeds();
    Calls.run("finetune --resume --output %s --max-steps 2", run).succeeds();
    finetune(run, "--resume --max-steps 3 --vae %s", model).failsWith(2, "--vae", "keeps");
    Path whole = folder.resolve("whole");
    finetune(whole, "--max-steps 1 --method full").succeeds();
    assertThat(Calls.run("inspect %s", whole).succeeds().out()).contains("unet");
    Calls.run("evaluate --model %s", whole).failsWith(1, "--images DIR");
  }

  /** A LoRA is nothing without its model; a whole model is read before its run is overwritten. */
  @Test
  void aModelThatTheResultNeedsIsNotOverwritten() throws IOException {
    finetune(run, "--max-steps 1 --method full").succeeds();
    String again =
        "finetune --model %s --data %s --output %s --batch-size 2 --sample-count 0 --log csv"
            + " --instance-prompt rose --resolution 16 --max-steps 1 --overwrite";
    Path data = folder.resolve("data");
    Calls.run(again, run, data, run).failsWith(1, "--model", "is inside");
    Calls.run(again + " --method full", run, data, run).succeeds();
  }

  @Test
  void aLoraLearnsOn() throws IOException {
    finetune(run, "--max-steps 1 --lora-rank 2 --lora-format kohya").succeeds();
    Path more = folder.resolve("more");
    finetune(more, "--max-steps 1 --lora %s", run + ":0.5").failsWith(2, "leave out :0.5");
    finetune(more, "--max-steps 1 --lora %s --method full", run).failsWith(2, "--method lora");
    finetune(more, "--max-steps 1 --lora %s --lora-rank 4", run).failsWith(1, "--lora-rank 4");
    finetune(more, "--max-steps 1 --lora %s", folder).failsWith(1, "is not a LoRA");
    assertThat(Files.exists(more)).isFalse();
    finetune(run, "--max-steps 1 --lora %s --overwrite", run).failsWith(1, "--lora", "is inside");
    finetune(more, "--max-steps 1 --lora %s --lora-rank 2", run).succeeds();
    finetune(more, "--max-steps 2 --resume --lora %s", run).succeeds();
    finetune(more, "--max-steps 2 --resume --lora %s", model).failsWith(2, "--lora", "keeps");
    finetune(run, "--max-steps 2 --resume --lora %s", more).failsWith(2, "--lora", "keeps");
  }
}
