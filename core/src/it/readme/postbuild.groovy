import javax.imageio.ImageIO

def pictures = basedir.listFiles().findAll { it.name.endsWith(".png") }
assert pictures.size() == 1 : "the program of the README should have drawn one picture: ${pictures}"
assert ImageIO.read(pictures[0]).width >= 28
assert !new File(basedir, "build.log").text.contains("SLF4J") : "the logger complains"
return true
