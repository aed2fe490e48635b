package dev.sfumato.examples.springai;

import dev.sfumato.SfumatoException;
import dev.sfumato.springai.SfumatoImageModel;
import dev.sfumato.springai.SfumatoImageOptions;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.springframework.ai.content.Media;
import org.springframework.ai.image.ImageMessage;
import org.springframework.ai.image.ImageModel;
import org.springframework.ai.image.ImagePrompt;
import org.springframework.ai.image.ImageResponse;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.http.ResponseEntity;
import org.springframework.util.MimeTypeUtils;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Draws at /draw?prompt=TEXT, and changes the posted picture at /change?prompt=TEXT. */
@SpringBootApplication
@RestController
public class DrawingApplication {
  private final ImageModel model;

  DrawingApplication(ImageModel model) {
    this.model = model;
  }

  public static void main(String[] args) {
    SpringApplication.run(DrawingApplication.class, args);
  }

  @GetMapping("/draw")
  ResponseEntity<byte[]> draw(
      @RequestParam String prompt,
      @RequestParam(required = false) String negative,
      @RequestParam(required = false) Long seed) {
    SfumatoImageOptions options =
        SfumatoImageOptions.builder().seed(seed).negativePrompt(negative).build();
    return png(model.call(new ImagePrompt(prompt, options)));
  }

  @PostMapping(path = "/change", consumes = "image/*")
  ResponseEntity<byte[]> change(
      @RequestParam String prompt,
      @RequestParam(defaultValue = "0.9") double strength,
      @RequestParam(required = false) Long seed,
      @RequestBody byte[] picture) {
    Media start = new Media(MimeTypeUtils.IMAGE_PNG, new ByteArrayResource(picture));
    ImageMessage message = new ImageMessage(prompt, 1f, List.of(start), Map.of());
    SfumatoImageOptions options =
        SfumatoImageOptions.builder().seed(seed).strength(strength).build();
    return png(model.call(new ImagePrompt(message, options)));
  }

  private static ResponseEntity<byte[]> png(ImageResponse response) {
    return ResponseEntity.ok()
        .header("Content-Type", "image/png")
        .header("Seed", "" + response.getMetadata().<Long>get(SfumatoImageModel.SEED))
        .body(Base64.getDecoder().decode(response.getResult().getOutput().getB64Json()));
  }

  @ExceptionHandler
  ResponseEntity<String> refuse(SfumatoException e) {
    return ResponseEntity.badRequest().body(e.getMessage());
  }
}
