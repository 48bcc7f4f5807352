package mx

// Recipes returns all recipes.
func Recipes() []Recipe {
	all := make([]Recipe, recipeCount)
	for i := range all {
		all[i] = Recipe(i)
	}
	return all
}
