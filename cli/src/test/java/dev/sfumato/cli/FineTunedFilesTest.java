package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.pipeline.LiveLora;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that {@code finetune} writes can be drawn with, and {@code inspect} names them. */
class FineTunedFilesTest {
  private static final String WORD =
      " --method textual-inversion --placeholder-token <x> --initializer-token a --vectors 2";

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "sd1, --lora-targets all --train-text-encoder, pytorch_lora_weights.safetensors, LoRA",
    "sd1, --lora-format kohya --train-text-encoder, run.safetensors, LoRA",
    "sd1, WORD, learned_embeds.safetensors, textual inversion",
    "sd1, --method full --train-text-encoder, '', StableDiffusionPipeline",
    "xl, --lora-targets all --train-text-encoder, pytorch_lora_weights.safetensors, LoRA",
    "xl, --lora-format kohya --train-text-encoder, run.safetensors, LoRA",
    "xl, WORD, learned_embeds.safetensors, textual inversion",
    "xl, --method full --train-text-encoder, '', StableDiffusionXLPipeline",
    "sd1_masks, --lora-targets all --train-text-encoder, pytorch_lora_weights.safetensors, LoRA",
    "sd1_masks, --lora-format kohya, run.safetensors, LoRA",
    "sd1_masks, WORD, learned_embeds.safetensors, textual inversion",
    "sd1_masks, --method full, '', StableDiffusionInpaintPipeline",
    "xl_masks, --train-text-encoder, pytorch_lora_weights.safetensors, LoRA",
    "xl_masks, --method full, '', StableDiffusionXLInpaintPipeline",
  })
  void eachIsDrawnWith(String family, String method, String file, String kind) throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), family);
    Path data = Calls.pictures(folder.resolve("data"), 4);
    Path output = folder.resolve("run");
    List<String> options =
        Calls.words(
            "finetune --model %s --data %s --output %s --resolution 16 --batch-size 2 --max-steps 2"
                + " --learning-rate 1e-2 --sample-count 0 --log csv "
                + method.replace("WORD", WORD),
            model,
            data,
            output);
    options.addAll(List.of("--instance-prompt", "a red <x>"));
    Calls.run(options).succeeds();
    Path result = output.resolve(file);
    assertThat(Calls.run("inspect %s", result).succeeds().out()).contains(kind);

    String card = Files.readString(output.resolve("README.md"));
    boolean masks = family.endsWith("_masks");
    boolean inDiffusers = !method.contains("kohya"); // which it reads in part only
    assertThat(card.contains("--mask mask.png")).isEqualTo(masks);
    assertThat(card.contains("mask_image=")).isEqualTo(masks && inDiffusers);

    boolean whole = file.isEmpty();
    byte[] before = drawn(model, List.of());
    byte[] after =
        whole
            ? drawn(output, List.of())
            : drawn(
                model,
                List.of(
                    method.equals("WORD") ? "--textual-inversion" : "--lora", result.toString()));
    assertThat(after).isNotEqualTo(before);
  }

  @Test
  void aModelInOneFileMayMove() throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    Path data = Calls.pictures(folder.resolve("data"), 4);
    Path file = folder.resolve("model.safetensors");
    Path moved = folder.resolve("moved.safetensors");
    Path run = folder.resolve("run");
    Calls.run("convert --model %s --output %s", model, file).succeeds();
    Calls.run(
            "finetune --model %s --data %s --output %s --instance-prompt cup --resolution 16"
                + " --max-steps 1 --sample-count 0 --log csv",
            file, data, run)
        .succeeds();
    Files.move(file, moved);
    String on = "finetune --output %s --resume --max-steps 2";
    Calls.run(on, run).failsWith(1, file + ": there is no such file");
    Calls.run(on + " --model %s", run, model).failsWith(2, "--model: a resumed run keeps");
    Calls.run(on + " --model %s", run, moved).succeeds();
    Calls.run("finetune --output %s --resume --max-steps 3", run).succeeds();
  }

  /** With a moving average the card had the norm of the last weights, which are not in the file. */
  @Test
  void theCardTellsOfTheFileAndTheData() throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    Path output = folder.resolve("run");
    Calls.run(
            "finetune --model %s --data %s --output %s --resolution 16 --batch-size 2 --max-steps 3"
                + " --learning-rate 1e-2 --sample-count 0 --log csv --use-ema --instance-prompt cat"
                + " --class-prompt pet --class-data %s --class-count 5",
            model,
            Calls.pictures(folder.resolve("data"), 4),
            output,
            Calls.pictures(folder.resolve("classes"), 5))
        .succeeds();
    String card = Files.readString(output.resolve("README.md"));
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model.toString());
        LiveLora lora = pipeline.addLora(output, 1)) {
      double squares = lora.norms().values().stream().mapToDouble(norm -> norm * norm).sum();
      assertThat(card)
          .contains(String.format(Locale.ROOT, "its changes | %.4g |", Math.sqrt(squares)));
    }
    assertThat(card).contains("| data: 4 pictures, 16 x 16 |");
  }

  private byte[] drawn(Path model, List<String> more) throws IOException {
    Path picture = folder.resolve("picture.png");
    List<String> options =
        Calls.words("sample --model %s --steps 2 --seed 1 --out %s", model, picture);
    options.addAll(List.of("--prompt", "a red <x>"));
    options.addAll(more);
    Calls.run(options).succeeds();
    return Files.readAllBytes(picture);
  }
}
